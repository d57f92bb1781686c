package policy

import (
	"context"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/registry/internal/application"
)

// onOrganizationClosed offboards what a closed organisation had: a record, since closing has ended it already (D9).
func (p Policies) onOrganizationClosed(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	id := r.Envelope.GetSubject().GetId()
	offboard := application.Offboard{Reason: "the organisation was closed"}
	switch f := fact.(type) {
	case *identityv1.OrganizationClosed:
		ids, err := p.Views.Now().RegisteredBefore(ctx, id, r.Sequence)
		if err != nil {
			return err
		}
		for _, a := range ids {
			if _, err := p.Applications.Handle(ctx, a, offboard); settled(err, application.ErrOffboarded) != nil {
				return err
			}
		}
	case *registryv1.ApplicationRegistered:
		o, _, err := p.Views.Now().Organization(ctx, f.OrganizationId)
		if err != nil || o.ClosedAt <= r.Envelope.GetSeen() || o.ClosedAt > r.Sequence {
			return err
		}
		_, err = p.Applications.Handle(ctx, id, offboard)
		return settled(err, application.ErrOffboarded)
	}
	return nil
}
