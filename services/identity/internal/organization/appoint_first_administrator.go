package organization

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// AppointFirstAdministrator makes the person named in the configuration administrator at their first sign-in.
type AppointFirstAdministrator struct{ PersonID string }

// Decide follows rule 9.
func (c AppointFirstAdministrator) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	switch {
	case c.PersonID == "":
		return nil, ErrPerson
	case s.Administered:
		return nil, ErrAdministered
	}
	return []aggregate.Event{&identityv1.OrganizationRoleGranted{PersonId: c.PersonID, Role: Administrator(s.Kind), Origin: Manual}}, nil
}
