package api

import (
	"context"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/registry/internal/view"
)

// Roles of the provider's people who see what is not published.
var drafters = []string{principal.ProductOwner, principal.APIOwner, principal.Reviewer, principal.SecurityReviewer, principal.Auditor, principal.PlatformAdmin}

func readerOf(p principal.Principal) view.Reader {
	return view.Reader{OrganizationID: p.Organization, Drafts: p.Has(drafters...)}
}

// oversees is true for callers who see every application: the provider's, by their role.
func oversees(p principal.Principal) bool {
	return p.Has(principal.PlatformAdmin, principal.Auditor, principal.SecurityReviewer)
}

func within(ok bool, err error) error {
	if err != nil || ok {
		return err
	}
	return problem.NotFoundError()
}

// Reads are judged by the views, commands by the log, where one's own last write is.

func (s *Service) seesProduct(ctx context.Context, p principal.Principal, id string) error {
	row, ok, err := s.Views.Now().Product(ctx, readerOf(p), id)
	return within(ok && readerOf(p).Sees(row), err)
}

func (s *Service) ownsProduct(ctx context.Context, p principal.Principal, id string) error {
	state, _, err := s.Products.Load(ctx, id)
	return within(state.Drafted && state.Organization == p.Organization, err)
}

func (s *Service) seesVersion(ctx context.Context, p principal.Principal, id string) error {
	row, ok, err := s.Views.Now().Version(ctx, id)
	if err != nil || !ok {
		return within(false, err)
	}
	if row.State == "submitted" && !readerOf(p).Drafts {
		return problem.NotFoundError()
	}
	return s.seesProduct(ctx, p, row.ProductID)
}

func (s *Service) ownsVersion(ctx context.Context, p principal.Principal, id string) error {
	state, _, err := s.Versions.Load(ctx, id)
	return within(state.Submitted && state.Organization == p.Organization, err)
}

func (s *Service) seesApplication(ctx context.Context, p principal.Principal, id string) error {
	row, ok, err := s.Views.Now().Application(ctx, id)
	return within(ok && (row.OrganizationID == p.Organization || oversees(p)), err)
}

func (s *Service) reachesApplication(ctx context.Context, p principal.Principal, id string) error {
	state, _, err := s.Applications.Load(ctx, id)
	return within(state.Registered && (state.Organization == p.Organization || oversees(p)), err)
}
