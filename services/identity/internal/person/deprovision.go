package person

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Deprovision says that the person has left.
type Deprovision struct {
	Reason string
	Origin string // scim | administrator
}

// Decide follows rule 3; a leaver leaves once.
func (c Deprovision) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Provisioned:
		return nil, ErrUnknown
	case s.Gone:
		return nil, nil
	case c.Reason == "":
		return nil, ErrReason
	}
	return []aggregate.Event{&identityv1.PersonDeprovisioned{Reason: c.Reason, Origin: c.Origin}}, nil
}
