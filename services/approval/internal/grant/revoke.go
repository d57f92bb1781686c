package grant

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Revoke ends the access before its time.
type Revoke struct{ Reason string }

// Decide follows rules 4 and 5.
func (c Revoke) Decide(s State) ([]aggregate.Event, error) {
	if err := s.Standing(); err != nil {
		return nil, err
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	return []aggregate.Event{&approvalv1.GrantRevoked{Reason: c.Reason}}, nil
}
