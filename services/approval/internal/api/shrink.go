package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

// shrinking declares what can be asked about grants that give more than is used.
func (s *Service) shrinking(a *endpoint.API) {
	endpoint.Route(a, readGrants, s.grant("GET", "/v1/grants/{id}/usage", "Compare what a grant gives with what is used of it"), s.usage)
	endpoint.Route(a, readGrants, endpoint.Operation{Method: "GET", Path: "/v1/shrink-proposals", Summary: "List grants that are proposed to be narrowed", Reach: reach}, s.listProposals)
	endpoint.Route(a, narrowingGrant, s.grant("POST", "/v1/grants/{id}/shrink/accept", "Narrow a grant to what is used"), s.acceptShrink)
	endpoint.Route(a, narrowingGrant, s.grant("POST", "/v1/grants/{id}/shrink/dismiss", "Leave a grant as it is"), s.dismissShrink)
	endpoint.Route(a, narrowingGrant, s.grant("POST", "/v1/grants/{id}/shrink/undo", "Take back that a grant was narrowed to what was used"), s.undoShrink)
}

// Usage is what a grant gives beside what was used.
type Usage struct {
	ID      string           `json:"id"`
	Scopes  []ScopeUsage     `json:"scopes" doc:"Every scope of the grant"`
	Shrink  *Proposal        `json:"proposal,omitempty"`
	Undo    *time.Time       `json:"undo_until,omitempty"`
	Allowed endpoint.Allowed `json:"allowed"`
}

// ScopeUsage is what was done with one scope, as authorizers told up to a minute ago.
type ScopeUsage struct {
	Scope string    `json:"scope"`
	Used  *view.Use `json:"used,omitempty" doc:"Absent if it never was"`
}

// Proposal is what the grant could do without.
type Proposal struct {
	KeptScopes   []string  `json:"kept_scopes"`
	UnusedScopes []string  `json:"unused_scopes"`
	ObservedFrom time.Time `json:"observed_from"`
	ObservedTo   time.Time `json:"observed_to"`
	ShadowUntil  time.Time `json:"shadow_until"`
}

func (s *Service) usage(ctx context.Context, in Object) (endpoint.Answer[Usage], error) {
	var none endpoint.Answer[Usage]
	row, _, err := s.Views.Now().Grant(ctx, in.ID)
	if err != nil {
		return none, err
	}
	uses, err := s.Views.Now().Uses(ctx, row.ApplicationID, row.ProductID)
	if err != nil {
		return none, err
	}
	u := Usage{ID: row.ID, Scopes: []ScopeUsage{}, Undo: row.UndoUntil}
	for _, scope := range row.Scopes {
		one := ScopeUsage{Scope: scope}
		for i := range uses {
			if uses[i].Scope == scope {
				one.Used = &uses[i]
			}
		}
		u.Scopes = append(u.Scopes, one)
	}
	if len(row.UnusedScopes) > 0 {
		u.Shrink = &Proposal{row.KeptScopes, row.UnusedScopes, *row.ObservedFrom, *row.ObservedTo, *row.ShadowUntil}
	}
	u.Allowed, err = s.allowedOnShrink(ctx, in.ID, row)
	return endpoint.OK(u), err
}

func (s *Service) allowedOnShrink(ctx context.Context, id string, row view.Grant) (endpoint.Allowed, error) {
	caller := principal.Caller(ctx)
	application, err := s.Views.Now().Application(ctx, row.ApplicationID)
	if err != nil {
		return nil, err
	}
	state, _, err := s.Grants.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	verdict := func(c aggregate.Command[grant.State]) endpoint.Verdict {
		if !narrowingGrant.Allows(caller) {
			return endpoint.Judge(refusals, errRole)
		}
		err := mayEnd(caller, row.OrganizationID, application)
		if err == nil {
			_, err = c.Decide(state)
		}
		return endpoint.Judge(refusals, err)
	}
	return endpoint.Allowed{"accept": verdict(grant.AcceptShrink{UndoUntil: s.Clock()}), "dismiss": verdict(grant.DismissShrink{Reason: "x"}),
		"undo": verdict(grant.Restore{Reason: "x", Now: s.Clock()})}, nil
}

type proposalsQuery struct {
	endpoint.Paging
	ApplicationID string `query:"application_id" maxLength:"64"`
	ProductID     string `query:"product_id" maxLength:"64"`
}

func (s *Service) listProposals(ctx context.Context, in proposalsQuery) (endpoint.Answer[endpoint.Page[view.Grant]], error) {
	var before uint64
	if err := in.Cursor(&before); err != nil {
		return endpoint.Answer[endpoint.Page[view.Grant]]{}, err
	}
	caller := principal.Caller(ctx)
	filter := view.GrantFilter{ApplicationID: in.ApplicationID, ProductID: in.ProductID, Proposed: true}
	if caller.Has(answerers...) {
		filter.ProviderID = caller.Organization
	} else {
		filter.OrganizationID = caller.Organization
	}
	rows, err := s.Views.Now().Grants(ctx, filter, before, in.Fetch())
	return endpoint.List(in.Paging, rows, func(g view.Grant) any { return g.Position }), err
}

// acceptShrink is judged on what authorizers have told by now, so that nothing is taken away that was used since.
func (s *Service) acceptShrink(ctx context.Context, in Object) (endpoint.Answer[endpoint.Receipt], error) {
	state, _, err := s.Grants.Load(ctx, in.ID)
	if err != nil {
		return endpoint.Answer[endpoint.Receipt]{}, err
	}
	used, err := s.Views.Now().UsedSince(ctx, state.ApplicationID, state.ProductID, state.Proposal.ObservedFrom)
	if err != nil {
		return endpoint.Answer[endpoint.Receipt]{}, err
	}
	return s.end(ctx, in.ID, grant.AcceptShrink{Used: used, UndoUntil: s.Clock().Add(s.Undo)})
}

type shrinkBody struct {
	Object
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

func (s *Service) dismissShrink(ctx context.Context, in shrinkBody) (endpoint.Answer[endpoint.Receipt], error) {
	return s.end(ctx, in.ID, grant.DismissShrink{Reason: in.Body.Reason})
}

// undoShrink needs no new approval: reviewers approved each of these scopes for this application until this very time, and
// who takes it back may also have left the grant alone.
func (s *Service) undoShrink(ctx context.Context, in shrinkBody) (endpoint.Answer[endpoint.Receipt], error) {
	return s.end(ctx, in.ID, grant.Restore{Reason: in.Body.Reason, Now: s.Clock()})
}
