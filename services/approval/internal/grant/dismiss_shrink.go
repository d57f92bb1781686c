package grant

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Why a proposal is dismissed by itself.
const (
	Lapsed        = "nobody decided in time"
	UsedMeanwhile = "a scope it would drop was used"
)

// DismissShrink leaves the grant as it is.
type DismissShrink struct{ Reason string }

// Decide follows rule 6.
func (c DismissShrink) Decide(s State) ([]aggregate.Event, error) {
	if err := s.Standing(); err != nil {
		return nil, err
	}
	if !s.Proposal.Open() {
		return nil, ErrNotProposed
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	return []aggregate.Event{&approvalv1.GrantShrinkDismissed{Reason: c.Reason}}, nil
}
