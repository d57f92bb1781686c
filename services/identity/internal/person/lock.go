package person

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Lock bars sign-in and ends every session.
type Lock struct{ Reason string }

// Decide follows rules 2 and 6.
func (c Lock) Decide(s State) ([]aggregate.Event, error) {
	if err := s.present(); err != nil {
		return nil, err
	}
	switch {
	case c.Reason == "":
		return nil, ErrReason
	case s.Locked:
		return nil, nil
	}
	return []aggregate.Event{&identityv1.PersonLocked{Reason: c.Reason}}, nil
}
