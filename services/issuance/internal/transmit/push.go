package transmit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/services/issuance/internal/signal"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

const (
	// batch is how many events of a stream are pushed before the others have their turn.
	batch = 50
	// idle is how long nothing new in the log keeps the pusher waiting at most: the shortest rest of a stream.
	idle = time.Second
	// longest is the longest rest of a stream whose receiver does not answer.
	longest = 5 * time.Minute
)

// rests are the streams whose receivers did not take what was pushed, and until when they are left alone.
type rests struct {
	mu    sync.Mutex
	until map[string]time.Time
	tries map[string]int
}

func (r *rests) now(id string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.until[id])
}

func (r *rests) set(id string, now time.Time, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until, r.tries = map[string]time.Time{}, map[string]int{}
	}
	if !failed {
		delete(r.until, id)
		delete(r.tries, id)
		return
	}
	r.until[id] = now.Add(min(idle<<min(r.tries[id], 10), longest))
	r.tries[id]++
}

// Run pushes until ctx ends, in one instance of the service at a time.
func (t *Transmitter) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := projection.Alone(ctx, t.DB, "signals", t.push); err != nil && ctx.Err() == nil {
			t.Logger.WarnContext(ctx, "security events are not pushed", "error", err)
		}
		select {
		case <-time.After(idle):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (t *Transmitter) push(ctx context.Context) error {
	at := uint64(0)
	for {
		waiting, cancel := context.WithTimeout(ctx, idle)
		_ = t.Fold.WaitFor(waiting, at+1) // or until it is time to look again
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		at = t.Fold.Position()
		_ = t.WaitFor(ctx, at) // what the views lack now is pushed in the next round
		streams, err := t.Rows.Pushed(ctx)
		if err != nil {
			return err
		}
		var all sync.WaitGroup
		turns := make(chan struct{}, 8)
		for _, s := range streams {
			if t.rests.now(s.ID, t.Now()) || !t.live(s.ID) {
				continue
			}
			turns <- struct{}{}
			all.Go(func() {
				defer func() { <-turns }()
				err := t.pushStream(ctx, s)
				if err != nil && ctx.Err() == nil {
					t.Logger.WarnContext(ctx, "a receiver of security events does not take them", "stream", s.ID, "error", err)
				}
				t.rests.set(s.ID, t.Now(), err != nil)
			})
		}
		all.Wait()
	}
}

// pushStream hands over what waits, in order, until something fails or the others have waited long enough.
func (t *Transmitter) pushStream(ctx context.Context, s view.Stream) error {
	for range 20 {
		if n, err := t.pushBatch(ctx, s); err != nil || n < batch {
			return err
		}
	}
	return nil
}

func (t *Transmitter) pushBatch(ctx context.Context, s view.Stream) (int, error) {
	waiting, err := t.Rows.Untold(ctx, s, batch)
	if err != nil {
		return 0, err
	}
	header := ""
	if len(waiting) > 0 && s.SecretID != "" {
		secret, err := t.Secret(ctx, s.SecretID)
		if err != nil {
			return 0, err
		}
		header = string(secret)
	}
	for _, e := range waiting {
		id, token, err := t.token(ctx, s, e)
		if err != nil {
			return 0, err
		}
		outcome, detail, err := t.post(ctx, s, header, token)
		if err != nil {
			return 0, err
		}
		if err := t.settle(ctx, s.ID, e.FactID, id, outcome, detail); err != nil {
			return 0, err
		}
	}
	return len(waiting), nil
}

// post is RFC 8935 §2: 202 takes the token, 400 with an error body refuses it, anything else is tried again.
func (t *Transmitter) post(ctx context.Context, s view.Stream, header, token string) (outcome, detail string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint, strings.NewReader(token))
	if err != nil {
		return "", "", err
	}
	r.Header.Set("Content-Type", "application/"+signal.TokenType)
	r.Header.Set("Accept", "application/json")
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	response, err := t.Client.Do(r)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 8<<10))
	switch response.StatusCode {
	case http.StatusAccepted, http.StatusOK, http.StatusNoContent:
		return "taken", "", nil
	case http.StatusBadRequest:
		var refusal struct {
			Err         string `json:"err"`
			Description string `json:"description"`
		}
		if json.Unmarshal(body, &refusal) != nil || refusal.Err == "" {
			return "", "", errors.New("the receiver answered 400 without saying why")
		}
		if refusal.Err == "authentication_failed" || refusal.Err == "access_denied" || refusal.Err == "invalid_key" {
			return "", "", fmt.Errorf("the receiver does not let us in: %s", clip(refusal.Err))
		}
		return "refused", clip(refusal.Err + ": " + refusal.Description), nil
	}
	return "", "", fmt.Errorf("the receiver answered %d", response.StatusCode)
}

func clip(s string) string { return string([]rune(s)[:min(len([]rune(s)), 200)]) }
