// Package policy is what identity does by itself when somebody has left.
package policy

import (
	"context"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
	"github.com/chancery-dev/chancery/services/identity/internal/person"
)

// Deps is what the policies act through.
type Deps struct {
	Organizations eventlog.Repository[organization.State]
	People        eventlog.Repository[person.State]
	// Erase destroys the keys of a person and whatever identity keeps of them beside the log.
	Erase func(ctx context.Context, personID string) error
}

// All are the reactions of identity.
func All(d Deps) []projection.Policy {
	return []projection.Policy{
		{Name: "roster_releases_leavers", On: d.release},
		{Name: "keys_of_the_erased_are_destroyed", On: d.destroy},
	}
}

func (d Deps) release(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	if _, left := fact.(*identityv1.PersonDeprovisioned); !left {
		return nil
	}
	id := r.Envelope.GetSubject().GetId()
	s, _, err := d.People.Load(ctx, id)
	if err != nil {
		return err
	}
	_, err = d.Organizations.Handle(ctx, s.Organization, organization.Release{PersonID: id, Reason: "left the organisation"})
	return err
}

func (d Deps) destroy(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	if _, erased := fact.(*identityv1.PersonErased); !erased {
		return nil
	}
	return d.Erase(ctx, r.Envelope.GetSubject().GetId())
}
