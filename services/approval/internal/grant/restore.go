package grant

import (
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Restore takes back a narrowing that followed a proposal.
type Restore struct {
	Reason string
	Now    time.Time
}

// Decide follows rule 8.
func (c Restore) Decide(s State) ([]aggregate.Event, error) {
	if err := s.Standing(); err != nil {
		return nil, err
	}
	if !c.Now.Before(s.Undo.Until) || !c.Now.Before(s.Until) {
		return nil, ErrNothingToUndo
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	return []aggregate.Event{&approvalv1.GrantRestored{Scopes: s.Undo.Scopes, Reason: c.Reason}}, nil
}
