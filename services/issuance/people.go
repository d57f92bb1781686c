package issuance

import (
	"context"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/service"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/naming"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

// withPeople adds what it takes for clients to act for people.
func withPeople(d service.Deps, names *naming.Fold, pending underway.Store, s *service.Service) *service.Service {
	s.Folds = append(s.Folds, names.Apply)
	begin := s.Start
	s.Start = func(ctx context.Context) error {
		if err := pending.Prepare(ctx); err != nil {
			return err
		}
		return begin(ctx)
	}
	s.Policies = append(s.Policies, projection.Policy{Name: "forgets_what_is_under_way", On: func(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
		if _, erased := fact.(*identityv1.PersonErased); !erased {
			return nil
		}
		return pending.Forget(ctx, r.Envelope.GetSubject().GetId())
	}})
	s.Background["underway"] = func(ctx context.Context) error { return pending.Sweep(ctx, d.Clock) }
	return s
}
