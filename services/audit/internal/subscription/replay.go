package subscription

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
)

// Replay delivers a range of the feed again, beside what is delivered anyway.
type Replay struct{ From, To uint64 }

// Decide follows rule 2.
func (c Replay) Decide(s State) ([]aggregate.Event, error) {
	if err := s.Standing(); err != nil {
		return nil, err
	}
	if c.From == 0 || c.To < c.From {
		return nil, ErrRange
	}
	return []aggregate.Event{&auditv1.SubscriptionReplayed{From: c.From, To: c.To}}, nil
}
