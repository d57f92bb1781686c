package subscription

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
)

// End stops the delivery for good.
type End struct{ Reason string }

// Decide follows rule 3.
func (c End) Decide(s State) ([]aggregate.Event, error) {
	n := len([]rune(c.Reason))
	switch {
	case !s.Created:
		return nil, ErrUnknown
	case n == 0 || n > 500:
		return nil, ErrReason
	case s.Ended:
		return nil, nil
	}
	return []aggregate.Event{&auditv1.SubscriptionEnded{Reason: c.Reason}}, nil
}
