package api

import (
	"context"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/internal/applied"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

var (
	readConsents  = principal.For("consent.read")
	revokeConsent = principal.For("consent.revoke")
	errNotYours   = errors.New("only the person who gave a consent or an administrator of the application's organisation ends it")
)

var consentRefusals = problem.Map{
	consent.ErrUnknown: {Kind: problem.NotFound, Code: "not_found"},
	consent.ErrEnded:   {Kind: problem.Conflict, Code: "consent_ended"},
	errNotYours:        {Kind: problem.Forbidden, Code: "not_yours"},
}

func consentRoutes(e *endpoint.API, a *api) {
	e.Refusals(consentRefusals)
	endpoint.Route(e, readConsents, endpoint.Operation{Method: "GET", Path: "/v1/consents", Summary: "List whom people let act for them",
		Reach: "one's own; an administrator's organisation's applications; all for auditors and platform administrators"}, a.listConsents)
	endpoint.Route(e, readConsents, endpoint.Operation{Method: "GET", Path: "/v1/consents/{id}", Summary: "Read a consent", Object: a.seesConsent}, a.getConsent)
	endpoint.Route(e, revokeConsent, endpoint.Operation{Method: "POST", Path: "/v1/consents/{id}/revoke", Summary: "End a consent and every token of it", Object: a.seesConsent,
		Limits: endpoint.Limits{Person: endpoint.Rate{Count: 60, Per: time.Minute}}}, a.endConsent)
}

type consentAnswer struct {
	ID             string           `json:"id"`
	PersonID       string           `json:"person_id"`
	CredentialID   string           `json:"credential_id,omitempty" doc:"The client"`
	OwnClient      string           `json:"own_client,omitempty" doc:"A client of the suite itself, which acts as the person may"`
	ApplicationID  string           `json:"application_id,omitempty"`
	OrganizationID string           `json:"organization_id"`
	ProductID      string           `json:"product_id,omitempty"`
	Scopes         []string         `json:"scopes"`
	Flow           string           `json:"flow" enum:"authorization_code,device"`
	Bound          bool             `json:"bound" doc:"Its refresh tokens work with one key alone"`
	GivenAt        time.Time        `json:"given_at"`
	ExpiresAt      time.Time        `json:"expires_at"`
	Refreshes      int              `json:"refreshes"`
	RefreshedAt    *time.Time       `json:"refreshed_at,omitempty"`
	State          string           `json:"state" enum:"active,suspended,ended,expired"`
	Reason         string           `json:"reason,omitempty"`
	EndedBy        string           `json:"ended_by,omitempty"`
	EndedAt        *time.Time       `json:"ended_at,omitempty"`
	Allowed        endpoint.Allowed `json:"allowed"`
}

func (a *api) seesConsent(ctx context.Context, p principal.Principal, id string) error {
	s, _, err := a.Consents.Load(ctx, id)
	switch {
	case err != nil:
		return err
	case s.Given && (s.PersonID == p.ID || everywhere(p) || s.Organization == p.Organization && p.Has(principal.OrgAdmin)):
		return nil
	}
	return problem.NotFoundError()
}

func (a *api) getConsent(ctx context.Context, in byID) (endpoint.Answer[consentAnswer], error) {
	c, found, err := a.Rows.Consent(ctx, in.ID)
	if err != nil {
		return endpoint.Answer[consentAnswer]{}, err
	}
	if !found {
		return endpoint.Answer[consentAnswer]{}, problem.NotFoundError()
	}
	return endpoint.OK(a.renderConsent(principal.Caller(ctx), c)), nil
}

type listConsentsRequest struct {
	endpoint.Paging
	Mine          bool   `query:"mine" doc:"Only what the caller gave"`
	ApplicationID string `query:"application_id" maxLength:"64"`
	State         string `query:"state" enum:"active,ended,expired"`
}

func (a *api) listConsents(ctx context.Context, in listConsentsRequest) (endpoint.Answer[endpoint.Page[consentAnswer]], error) {
	var none endpoint.Answer[endpoint.Page[consentAnswer]]
	caller, after := principal.Caller(ctx), ""
	if err := in.Cursor(&after); err != nil {
		return none, err
	}
	f := view.ConsentFilter{PersonID: caller.ID, ApplicationID: in.ApplicationID, State: in.State}
	switch {
	case in.Mine:
	case everywhere(caller):
		f.PersonID = ""
	case caller.Has(principal.OrgAdmin):
		f.OrganizationID = caller.Organization
	}
	rows, err := a.Rows.Consents(ctx, f, after, in.Fetch())
	if err != nil {
		return none, err
	}
	answers := make([]consentAnswer, len(rows))
	for i, c := range rows {
		answers[i] = a.renderConsent(caller, c)
	}
	return endpoint.List(in.Paging, answers, func(c consentAnswer) any { return c.ID }), nil
}

// renderConsent tells the state as an authorizer would judge it now, which may be ahead of the consent's own facts.
func (a *api) renderConsent(caller principal.Principal, c view.Consent) consentAnswer {
	out := consentAnswer{ID: c.ID, PersonID: c.PersonID, CredentialID: c.CredentialID, OwnClient: c.OwnClient, ApplicationID: c.ApplicationID,
		OrganizationID: c.OrganizationID, ProductID: c.ProductID, Scopes: c.Scopes, Flow: c.Flow, Bound: c.Bound, GivenAt: c.GivenAt.UTC(),
		ExpiresAt: c.ExpiresAt.UTC(), Refreshes: c.Refreshes, RefreshedAt: c.RefreshedAt, State: c.State, Reason: c.Reason, EndedBy: c.EndedBy, EndedAt: c.EndedAt}
	if c.EndedAt == nil {
		if dead, ok := lineage.Why(a.Fold.Live(lineage.Ref{Kind: "consent", ID: c.ID}, a.Now())); ok {
			switch dead.Cause {
			case lineage.Paused:
				out.State, out.Reason = "suspended", dead.By.Kind+"_suspended"
			case lineage.Expired:
				out.State, out.Reason = "expired", dead.By.Kind+"_expired"
			default:
				out.State, out.Reason = "ended", dead.By.Kind+"_ended"
			}
		}
	}
	var refused error
	switch {
	case c.PersonID != caller.ID && !(c.OrganizationID == caller.Organization && caller.Has(principal.OrgAdmin)):
		refused = errNotYours
	case out.State == "ended" || out.State == "expired":
		refused = consent.ErrEnded
	}
	out.Allowed = endpoint.Allowed{"revoke": endpoint.Judge(consentRefusals, refused)}
	return out
}

// consentEnded answers once the authorizers have felt it or their time is over.
type consentEnded struct {
	ID       string `json:"id"`
	Position uint64 `json:"position" doc:"Position of the log at which the command's facts stand"`
	Repeated bool   `json:"repeated,omitempty" doc:"The command had been carried out before under the same Idempotency-Key"`
	applied.Receipt
}

func (a *api) endConsent(ctx context.Context, in byID) (endpoint.Answer[consentEnded], error) {
	caller := principal.Caller(ctx)
	s, _, err := a.Consents.Load(ctx, in.ID)
	if err != nil {
		return endpoint.Answer[consentEnded]{}, err
	}
	reason := "withdrawn"
	switch {
	case s.PersonID == caller.ID:
	case s.Organization == caller.Organization && caller.Has(principal.OrgAdmin):
		reason = "policy"
	default:
		return endpoint.Answer[consentEnded]{}, errNotYours
	}
	out, err := a.Consents.Handle(ctx, in.ID, consent.Revoke{Reason: reason})
	if err == nil {
		err = a.Fold.WaitFor(ctx, out.Position)
	}
	if err != nil {
		return endpoint.Answer[consentEnded]{}, err
	}
	return endpoint.At(out.Position, consentEnded{ID: in.ID, Position: out.Position, Repeated: out.Repeated, Receipt: a.Applied.Answer(ctx, out.Position)}), nil
}
