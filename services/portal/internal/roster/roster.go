// Package roster folds who holds which role in which organisation, in memory, from identity's facts.
package roster

import (
	"context"
	"slices"
	"sync"

	"github.com/chancery-dev/chancery/libs/eventlog"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Roster is safe for concurrent use; its zero value is empty.
type Roster struct {
	mu    sync.RWMutex
	roles map[seat][]string
}

type seat struct{ organization, person string }

// Apply folds a batch.
func (r *Roster) Apply(_ context.Context, batch []eventlog.Recorded) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.roles == nil {
		r.roles = map[seat][]string{}
	}
	for _, rec := range batch {
		organization := rec.Envelope.GetSubject().GetId()
		for _, fact := range rec.Facts {
			switch e := fact.(type) {
			case *identityv1.OrganizationRoleGranted:
				s := seat{organization, e.PersonId}
				// A new slice each time: what was handed out stays as it was.
				r.roles[s] = append(without(r.roles[s], e.Role), e.Role)
			case *identityv1.OrganizationRoleRevoked:
				s := seat{organization, e.PersonId}
				if r.roles[s] = without(r.roles[s], e.Role); len(r.roles[s]) == 0 {
					delete(r.roles, s)
				}
			}
		}
	}
	return nil
}

func without(roles []string, role string) []string {
	return slices.DeleteFunc(slices.Clone(roles), func(r string) bool { return r == role })
}

// Of lists a person's roles in an organisation; the list must not be changed.
func (r *Roster) Of(organizationID, personID string) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.roles[seat{organizationID, personID}]
}
