package organization

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// RevokeRole takes a role from a person by hand.
type RevokeRole struct{ PersonID, Role, Reason string }

// Decide follows rules 7 and 8; a role nobody holds is not taken.
func (c RevokeRole) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	switch held, ok := s.Holds(c.PersonID, c.Role); {
	case !ok:
		return nil, nil
	case c.Reason == "":
		return nil, ErrReason
	case s.lastAdministrator(c.PersonID, c.Role):
		return nil, ErrLastAdmin
	case held.Origin == Claim:
		return nil, ErrFromClaim
	}
	return []aggregate.Event{&identityv1.OrganizationRoleRevoked{PersonId: c.PersonID, Role: c.Role, Reason: c.Reason}}, nil
}
