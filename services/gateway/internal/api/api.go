// Package api is what an authorizer answers people: why a call was admitted or denied, and what is left of limits.
package api

import (
	"context"
	"slices"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/quota"
	"github.com/chancery-dev/chancery/services/gateway/internal/why"
)

// Deps is what the operations act through.
type Deps struct {
	Seal   *decision.Seal
	Fold   *fold.Fold
	Replay *why.Replay
	Read   why.Read
	Quota  *quota.Keeper
}

type api struct{ Deps }

var (
	all  = []string{principal.Auditor, principal.PlatformAdmin}
	read = principal.For("decision.read")
	used = principal.For("usage.read")
)

// Routes declares every operation.
func Routes(e *endpoint.API, d Deps) {
	a := &api{d}
	reach := "decisions about the own applications' credentials for their owners and their organisation's administrators; auditors and platform administrators all"
	endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/decisions/{id}", Summary: "Explain a decision of an authorizer", Reach: reach, Object: a.within}, a.explain)
	endpoint.Route(e, used, endpoint.Operation{Method: "GET", Path: "/v1/usage", Summary: "Say what an application has left of a product's limits",
		Reach: "applications of the own organisation; auditors and platform administrators all"}, a.usage)
}

// within lets nobody learn from an id what is not their business, nor whether it is one.
func (a *api) within(ctx context.Context, p principal.Principal, id string) error {
	d, err := a.Seal.Read(id)
	if err != nil {
		return problem.NotFoundError()
	}
	if p.Has(all...) {
		return nil
	}
	var c fold.Credential
	if d.Credential == "" || !a.Fold.Known(d.Credential, &c) || c.Organization == "" || c.Organization != p.Organization {
		return problem.NotFoundError()
	}
	if p.Has(principal.OrgAdmin) {
		return nil
	}
	owners, err := why.Owners(ctx, a.Read, c.Application)
	if err == nil && !slices.Contains(owners, p.ID) {
		err = problem.NotFoundError()
	}
	return err
}
