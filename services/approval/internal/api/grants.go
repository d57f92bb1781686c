package api

import (
	"context"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

type grantsQuery struct {
	endpoint.Paging
	ApplicationID string `query:"application_id" maxLength:"64"`
	ProductID     string `query:"product_id" maxLength:"64"`
	State         string `query:"state" enum:"active,expired,revoked"`
}

func (s *Service) listGrants(ctx context.Context, in grantsQuery) (endpoint.Answer[endpoint.Page[view.Grant]], error) {
	var before uint64
	if err := in.Cursor(&before); err != nil {
		return endpoint.Answer[endpoint.Page[view.Grant]]{}, err
	}
	caller := principal.Caller(ctx)
	filter := view.GrantFilter{ApplicationID: in.ApplicationID, ProductID: in.ProductID, State: in.State}
	if caller.Has(answerers...) {
		filter.ProviderID = caller.Organization
	} else {
		filter.OrganizationID = caller.Organization
	}
	rows, err := s.Views.Now().Grants(ctx, filter, before, in.Fetch())
	return endpoint.List(in.Paging, rows, func(g view.Grant) any { return g.Position }), err
}

// GrantDetail is one grant with what the caller may do about it.
type GrantDetail struct {
	view.Grant
	Allowed endpoint.Allowed `json:"allowed"`
}

func (s *Service) showGrant(ctx context.Context, in Object) (endpoint.Answer[GrantDetail], error) {
	var none endpoint.Answer[GrantDetail]
	caller := principal.Caller(ctx)
	row, _, err := s.Views.Now().Grant(ctx, in.ID)
	if err != nil {
		return none, err
	}
	application, err := s.Views.Now().Application(ctx, row.ApplicationID)
	if err != nil {
		return none, err
	}
	state, _, err := s.Grants.Load(ctx, in.ID)
	if err != nil {
		return none, err
	}
	verdict := func(needed endpoint.Permission) endpoint.Verdict {
		switch err := mayEnd(caller, row.OrganizationID, application); {
		case !needed.Allows(caller):
			return endpoint.Judge(refusals, errRole)
		case err != nil:
			return endpoint.Judge(refusals, err)
		}
		return endpoint.Judge(refusals, state.Standing())
	}
	narrow := verdict(narrowingGrant)
	if narrow.Allowed && len(state.Scopes) < 2 {
		narrow = endpoint.Judge(refusals, grant.ErrNotNarrower)
	}
	return endpoint.OK(GrantDetail{Grant: row, Allowed: endpoint.Allowed{"revoke": verdict(endGrant), "narrow": narrow}}), nil
}

// end decides a command that leaves less of a grant, once the caller may.
func (s *Service) end(ctx context.Context, id string, command aggregate.Command[grant.State]) (endpoint.Answer[endpoint.Receipt], error) {
	caller := principal.Caller(ctx)
	out, err := decide(ctx, s, s.Grants, id, func(ctx context.Context, rows view.Rows) (aggregate.Command[grant.State], error) {
		row, _, err := rows.Grant(ctx, id)
		if err != nil {
			return nil, err
		}
		application, err := rows.Application(ctx, row.ApplicationID)
		if err == nil {
			err = mayEnd(caller, row.OrganizationID, application)
		}
		return command, err
	})
	return done(id, out, err)
}

type revokeBody struct {
	Object
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

func (s *Service) revokeGrant(ctx context.Context, in revokeBody) (endpoint.Answer[endpoint.Receipt], error) {
	return s.end(ctx, in.ID, grant.Revoke{Reason: in.Body.Reason})
}

type narrowBody struct {
	Object
	Body struct {
		Scopes []string `json:"scopes" minItems:"1" maxItems:"100" doc:"Those that stay"`
		Reason string   `json:"reason" minLength:"1" maxLength:"500"`
	}
}

func (s *Service) narrowGrant(ctx context.Context, in narrowBody) (endpoint.Answer[endpoint.Receipt], error) {
	return s.end(ctx, in.ID, grant.Narrow{Scopes: in.Body.Scopes, Reason: in.Body.Reason})
}
