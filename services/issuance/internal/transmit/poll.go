package transmit

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

const (
	// most is how many tokens one answer holds at most.
	most = 100
	// patience is how long a poll waits for the first token.
	patience = 20 * time.Second
)

// Request is RFC 8936 §2.2.
type Request struct {
	MaxEvents         *int                `json:"maxEvents,omitempty"`
	ReturnImmediately bool                `json:"returnImmediately,omitempty"`
	Ack               []string            `json:"ack,omitempty"`
	SetErrs           map[string]SetError `json:"setErrs,omitempty"`
}

// SetError is why a receiver refuses a token, RFC 8935 §2.4.
type SetError struct {
	Err         string `json:"err"`
	Description string `json:"description,omitempty"`
}

// Response is RFC 8936 §2.3.
type Response struct {
	Sets          map[string]string `json:"sets"`
	MoreAvailable bool              `json:"moreAvailable,omitempty"`
}

// Poll writes down what the receiver took and refused, and answers what waits; unless told otherwise it waits for the first.
func (t *Transmitter) Poll(ctx context.Context, s view.Stream, q Request) (Response, error) {
	answer := Response{Sets: map[string]string{}}
	if err := t.acknowledge(ctx, s, q); err != nil {
		return answer, err
	}
	limit := most
	if q.MaxEvents != nil {
		limit = max(0, min(*q.MaxEvents, most))
	}
	if limit == 0 || s.Status != "enabled" {
		return answer, nil
	}
	end := time.Now().Add(patience)
	for {
		at := t.Fold.Position()
		_ = t.WaitFor(ctx, at) // what the views lack now comes with the next poll
		if !t.live(s.ID) {
			return answer, nil
		}
		waiting, err := t.Rows.Untold(ctx, s, limit+1)
		if err != nil {
			return answer, err
		}
		for i, e := range waiting {
			if i == limit {
				answer.MoreAvailable = true
				break
			}
			id, token, err := t.token(ctx, s, e)
			if err != nil {
				return answer, err
			}
			answer.Sets[id] = token
		}
		if len(answer.Sets) > 0 || q.ReturnImmediately || !time.Now().Before(end) {
			return answer, nil
		}
		soon, cancel := context.WithDeadline(ctx, end)
		err = t.Fold.WaitFor(soon, at+1)
		cancel()
		if ctx.Err() != nil {
			return answer, ctx.Err()
		}
		if err != nil {
			return answer, nil // nothing came
		}
	}
}

// acknowledge finds the events behind the ids that were handed out.
func (t *Transmitter) acknowledge(ctx context.Context, s view.Stream, q Request) error {
	if len(q.Ack)+len(q.SetErrs) == 0 {
		return nil
	}
	outcomes := map[string][2]string{}
	for _, id := range q.Ack {
		outcomes[id] = [2]string{"taken", ""}
	}
	for id, e := range q.SetErrs {
		outcomes[id] = [2]string{"refused", clip(e.Err + ": " + e.Description)}
	}
	waiting, err := t.Rows.Untold(ctx, s, 10*most)
	if err != nil {
		return err
	}
	for _, e := range waiting {
		id := tokenID(s, e)
		if o, ok := outcomes[id]; ok {
			if err := t.settle(ctx, s.ID, e.FactID, id, o[0], o[1]); err != nil {
				return err
			}
		}
	}
	return nil
}
