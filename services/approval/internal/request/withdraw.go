package request

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Withdraw takes a pending request back: by who asked, or because what it asks for can no longer be.
type Withdraw struct {
	// PersonID is who withdraws; empty when a policy answers a fact.
	PersonID string
	Reason   string
}

// Decide follows rule 11.
func (c Withdraw) Decide(s State) ([]aggregate.Event, error) {
	if err := s.MayWithdraw(c.PersonID); err != nil {
		return nil, err
	}
	return []aggregate.Event{&approvalv1.RequestWithdrawn{Reason: c.Reason}}, nil
}

// MayWithdraw is why the person could not withdraw the request now, or nil.
func (s State) MayWithdraw(person string) error {
	if err := s.pending(); err != nil {
		return err
	}
	if person != "" && !slices.Contains(s.Barred, person) {
		return ErrNotYours
	}
	return nil
}
