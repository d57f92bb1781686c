package organization

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// SyncClaims brings a person's roles in line with the groups their identity provider just asserted.
type SyncClaims struct {
	PersonID string
	Groups   []string
}

// Decide follows rules 7 and 8; roles given by hand stay.
func (c SyncClaims) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if c.PersonID == "" {
		return nil, ErrPerson
	}
	var given []string
	for _, group := range c.Groups {
		if role, ok := s.SingleSignOn.GroupRoles[group]; ok {
			given = append(given, role)
		}
	}
	slices.Sort(given)
	var facts []aggregate.Event
	for _, role := range slices.Compact(given) {
		if _, held := s.Holds(c.PersonID, role); !held {
			facts = append(facts, &identityv1.OrganizationRoleGranted{PersonId: c.PersonID, Role: role, Origin: Claim})
		}
	}
	for _, h := range s.Roster {
		stale := h.PersonID == c.PersonID && h.Origin == Claim && !slices.Contains(given, h.Role)
		if stale && !s.lastAdministrator(h.PersonID, h.Role) {
			facts = append(facts, &identityv1.OrganizationRoleRevoked{PersonId: h.PersonID, Role: h.Role,
				Reason: "the identity provider no longer asserts it"})
		}
	}
	return facts, nil
}
