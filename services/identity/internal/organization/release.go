package organization

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Release takes every role from a person who has left.
type Release struct{ PersonID, Reason string }

// Decide follows rule 10; it also holds for an organisation that is closed.
func (c Release) Decide(s State) ([]aggregate.Event, error) {
	var facts []aggregate.Event
	for _, h := range s.Roster {
		if h.PersonID == c.PersonID {
			facts = append(facts, &identityv1.OrganizationRoleRevoked{PersonId: h.PersonID, Role: h.Role, Reason: c.Reason})
		}
	}
	return facts, nil
}
