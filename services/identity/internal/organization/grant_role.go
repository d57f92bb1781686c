package organization

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// GrantRole gives a person a role by hand.
type GrantRole struct{ PersonID, Role string }

// Decide follows rule 6; a role held already is not given twice.
func (c GrantRole) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	switch _, held := s.Holds(c.PersonID, c.Role); {
	case c.PersonID == "":
		return nil, ErrPerson
	case !slices.Contains(Roles(s.Kind), c.Role):
		return nil, ErrForeignRole
	case held:
		return nil, nil
	}
	return []aggregate.Event{&identityv1.OrganizationRoleGranted{PersonId: c.PersonID, Role: c.Role, Origin: Manual}}, nil
}
