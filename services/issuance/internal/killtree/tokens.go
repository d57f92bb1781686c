package killtree

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	"github.com/chancery-dev/chancery/services/issuance/endings"
)

// tokens are the access tokens handed out before a moment that had not expired by then: they stand in no decision, only
// their handing out was observed.
func (h *Historian) tokens(ctx context.Context, r eventlog.Recorded) ([]lineage.Claim, error) {
	return h.inUse(ctx, r.Time, r.Sequence)
}

// inUse are those that could be used at a moment, decided by whoever had seen less than a position.
func (h *Historian) inUse(ctx context.Context, at time.Time, position uint64) (all []lineage.Claim, err error) {
	// Whoever hands a token out records it first, so that the record is never later than the use.
	after, last, err := h.Log.ActivitySince(ctx, at.Add(-h.Lifetime-time.Minute))
	if err != nil || after >= last {
		return nil, err
	}
	known := map[string]lineage.Claim{}
	err = h.Log.FollowActivity(ctx, after, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			if r.Time.After(at) {
				return eventlog.ErrStop
			}
			for _, fact := range r.Facts {
				c, ok := claim(r, fact, known)
				if !ok {
					continue
				}
				if _, repeated := known[c.Ref.ID]; !repeated && c.Seen < position && c.Expires.After(at) {
					all = append(all, c)
				}
				known[c.Ref.ID] = c
			}
		}
		if batch[len(batch)-1].Sequence >= last {
			return eventlog.ErrStop
		}
		return nil
	})
	return all, err
}

func claim(r eventlog.Recorded, fact any, known map[string]lineage.Claim) (c lineage.Claim, ok bool) {
	switch e := fact.(type) {
	case *activityv1.TokenIssued:
		c = lineage.Claim{Ref: lineage.Ref{Kind: "token", ID: e.TokenId}, Expires: e.ExpiresAt.AsTime(),
			Ancestors: ancestors(e.ClientId, e.Generation, e.KeyId)}
		if e.ConsentId != "" {
			c.Ancestors = append(c.Ancestors, lineage.Ref{Kind: "consent", ID: e.ConsentId})
		}
	case *activityv1.TokenExchanged:
		c = lineage.Claim{Ref: lineage.Ref{Kind: "token", ID: e.TokenId}, Expires: e.ExpiresAt.AsTime(),
			Ancestors: ancestors(e.ClientId, e.Generation, e.KeyId)}
		if from, known := known[e.SubjectTokenId]; known {
			c.From = []lineage.Claim{from}
		}
	default:
		return c, false
	}
	c.Seen = r.Envelope.GetSeen()
	return c, true
}

func ancestors(client string, generation uint32, key string) []lineage.Ref {
	return []lineage.Ref{lineage.Part("generation", client, generation), {Kind: "signing_key", ID: key}}
}

func parents(c lineage.Claim) []endings.Node {
	all := nodes(c.Ancestors)
	for _, f := range c.From {
		all = append(all, node(f.Ref))
	}
	return all
}
