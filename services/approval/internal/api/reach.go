package api

import (
	"context"
	"slices"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

// Roles of the provider's people who see what is asked of its products.
var answerers = []string{principal.ProductOwner, principal.APIOwner, principal.Reviewer, principal.SecurityReviewer, principal.Auditor, principal.PlatformAdmin}

// reaches tells whether an organisation's request or grant for a product is the caller's business.
func (s *Service) reaches(ctx context.Context, p principal.Principal, organization, product string) error {
	if organization == p.Organization {
		return nil
	}
	if !p.Has(answerers...) {
		return problem.NotFoundError()
	}
	row, err := s.Views.Now().Product(ctx, product)
	if err == nil && row.OrganizationID != p.Organization {
		err = problem.NotFoundError()
	}
	return err
}

func (s *Service) reachesRequest(ctx context.Context, p principal.Principal, id string) error {
	state, _, err := s.Requests.Load(ctx, id)
	if err != nil {
		return err
	}
	if !state.Submitted {
		return problem.NotFoundError()
	}
	return s.reaches(ctx, p, state.OrganizationID(), state.Content.GetProductId())
}

func (s *Service) reachesGrant(ctx context.Context, p principal.Principal, id string) error {
	state, _, err := s.Grants.Load(ctx, id)
	if err != nil {
		return err
	}
	if !state.Activated {
		return problem.NotFoundError()
	}
	return s.reaches(ctx, p, state.Organization, state.ProductID)
}

// mayEnd is why the caller, within whose reach the grant is, may not end or narrow it, or nil.
func mayEnd(p principal.Principal, organization string, application view.Application) error {
	own := organization == p.Organization
	switch {
	case own && (p.Has(principal.OrgAdmin) || slices.Contains(application.Owners(), p.ID)):
		return nil
	case !own && p.Has(principal.ProductOwner, principal.Reviewer, principal.SecurityReviewer, principal.PlatformAdmin):
		return nil
	}
	return errNotOwnGrant
}
