package policy

import (
	"context"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/registry/internal/application"
	"github.com/chancery-dev/chancery/services/registry/internal/product"
)

// onPersonLeft orphans every seat of a person who left (B3, L12). A seat given by a decision that had not seen them leave
// is orphaned when that decision arrives.
func (p Policies) onPersonLeft(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	id := r.Envelope.GetSubject().GetId()
	switch f := fact.(type) {
	case *identityv1.PersonDeprovisioned, *identityv1.PersonErased:
		applications, products, err := p.Views.Now().Held(ctx, id, r.Sequence)
		if err != nil {
			return err
		}
		for _, held := range applications {
			if _, err := p.Applications.Handle(ctx, held, application.Orphan{PersonID: id, LeftAt: r.Time}); err != nil {
				return err
			}
		}
		for _, held := range products {
			if _, err := p.Products.Handle(ctx, held, product.Orphan{PersonID: id}); err != nil {
				return err
			}
		}
	case *registryv1.ApplicationRegistered:
		return p.orphanLate(ctx, r, id, "", f.OwnerId, f.BackupOwnerId)
	case *registryv1.ApplicationOwnerAssigned:
		return p.orphanLate(ctx, r, id, "", f.PersonId)
	case *registryv1.ProductSeatAssigned:
		return p.orphanLate(ctx, r, "", id, f.PersonId)
	}
	return nil
}

func (p Policies) orphanLate(ctx context.Context, r eventlog.Recorded, applicationID, productID string, people ...string) error {
	for _, id := range people {
		person, err := p.Views.Now().Person(ctx, id)
		if err != nil {
			return err
		}
		if person.LeftAt <= r.Envelope.GetSeen() || person.LeftAt > r.Sequence {
			continue
		}
		// Two who left are two commands about one aggregate.
		m := eventlog.MetaFrom(ctx)
		m.CommandID = projection.CommandID(m.CommandID, id)
		ctx := eventlog.WithMeta(ctx, m)
		if applicationID != "" {
			_, err = p.Applications.Handle(ctx, applicationID, application.Orphan{PersonID: id, LeftAt: r.Time})
		} else {
			_, err = p.Products.Handle(ctx, productID, product.Orphan{PersonID: id})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
