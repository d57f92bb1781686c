package person

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Profile is what the identity provider says of a person.
type Profile struct{ Name, Email string }

// Change brings the profile in line with what the identity provider asserts; Known is what the views hold of it now.
type Change struct{ Profile, Known Profile }

// Decide says what differs and nothing when nothing does.
func (c Change) Decide(s State) ([]aggregate.Event, error) {
	if err := s.present(); err != nil {
		return nil, err
	}
	switch {
	case c.Profile.Name == "" || c.Profile.Email == "":
		return nil, ErrIncomplete
	case c.Profile == c.Known:
		return nil, nil
	}
	return []aggregate.Event{&identityv1.PersonChanged{Name: c.Profile.Name, Email: c.Profile.Email}}, nil
}
