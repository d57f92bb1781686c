package person

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Change brings name and address in line with what the identity provider asserts.
type Change struct{ Name, Email string }

// Decide says what differs and nothing when nothing does.
func (c Change) Decide(s State) ([]aggregate.Event, error) {
	if err := s.present(); err != nil {
		return nil, err
	}
	switch {
	case c.Name == "" || c.Email == "":
		return nil, ErrIncomplete
	case c.Name == s.Name && c.Email == s.Email:
		return nil, nil
	}
	return []aggregate.Event{&identityv1.PersonChanged{Name: c.Name, Email: c.Email}}, nil
}
