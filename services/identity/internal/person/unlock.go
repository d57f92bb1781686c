package person

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Unlock lets the person sign in again.
type Unlock struct{ Reason string }

// Decide follows rules 2 and 6.
func (c Unlock) Decide(s State) ([]aggregate.Event, error) {
	if err := s.present(); err != nil {
		return nil, err
	}
	switch {
	case !s.Locked:
		return nil, nil
	case c.Reason == "":
		return nil, ErrReason
	}
	return []aggregate.Event{&identityv1.PersonUnlocked{Reason: c.Reason}}, nil
}
