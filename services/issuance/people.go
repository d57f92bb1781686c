package issuance

import (
	"context"

	"github.com/chancery-dev/chancery/libs/service"
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
	s.Background["underway"] = func(ctx context.Context) error { return pending.Sweep(ctx, d.Clock) }
	return s
}
