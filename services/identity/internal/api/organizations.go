package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
	"github.com/chancery-dev/chancery/services/identity/internal/view"
)

type byID struct {
	ID string `path:"id"`
}

type withReason struct {
	ID   string `path:"id"`
	Body struct {
		Reason string `json:"reason" minLength:"3" maxLength:"500"`
	}
}

type receipt = endpoint.Answer[endpoint.Receipt]

type organizationAnswer struct {
	ID                 string              `json:"id"`
	Name               string              `json:"name"`
	Kind               string              `json:"kind" enum:"provider,partner"`
	State              string              `json:"state" enum:"registered,verified,suspended,expired,closed"`
	Reason             string              `json:"reason,omitempty"`
	Contract           string              `json:"contract,omitempty"`
	ContractEndsAt     *time.Time          `json:"contract_ends_at,omitempty"`
	RegisteredAt       time.Time           `json:"registered_at"`
	VerifiedAt         *time.Time          `json:"verified_at,omitempty"`
	VerificationMethod string              `json:"verification_method,omitempty"`
	SingleSignOn       *singleSignOnAnswer `json:"single_sign_on,omitempty"`
	RoleNames          []string            `json:"role_names" doc:"Roles its people can hold"`
	Allowed            endpoint.Allowed    `json:"allowed,omitempty"`
}

type singleSignOnAnswer struct {
	Issuer     string            `json:"issuer"`
	ClientID   string            `json:"client_id"`
	HasSecret  bool              `json:"has_secret"`
	Domains    []string          `json:"domains"`
	GroupRoles map[string]string `json:"group_roles"`
}

func (a *API) describe(o view.Organization, p principal.Principal) organizationAnswer {
	out := organizationAnswer{ID: o.ID, Name: o.Name, Kind: o.Kind, State: o.State(a.Clock()), Reason: o.Reason, RegisteredAt: o.RegisteredAt,
		VerifiedAt: o.VerifiedAt, VerificationMethod: o.VerificationMethod, RoleNames: organization.Roles(o.Kind)}
	// Contract and sign-in are the business of those who keep them.
	if o.ID == p.Organization || overAll(p, principal.PlatformAdmin, principal.Auditor) {
		out.Contract, out.ContractEndsAt = o.Contract, o.ContractEndsAt
		if o.Issuer != "" {
			out.SingleSignOn = &singleSignOnAnswer{Issuer: o.Issuer, ClientID: o.ClientID, HasSecret: o.SecretID != "", Domains: o.Domains, GroupRoles: o.GroupRoles}
		}
	}
	return out
}

type listRequest struct{ endpoint.Paging }

func (a *API) organizations(ctx context.Context, in listRequest) (endpoint.Answer[endpoint.Page[organizationAnswer]], error) {
	p, after := principal.Caller(ctx), view.OrganizationKey{}
	none := endpoint.Answer[endpoint.Page[organizationAnswer]]{}
	if err := in.Cursor(&after); err != nil {
		return none, err
	}
	only := p.Organization
	if ofProvider(p) {
		only = ""
	}
	rows, err := a.Rows.Organizations(ctx, only, after, in.Fetch())
	if err != nil {
		return none, err
	}
	var all []organizationAnswer
	for _, o := range rows {
		all = append(all, a.describe(o, p))
	}
	return endpoint.List(in.Paging, all, func(o organizationAnswer) any { return view.OrganizationKey{Name: o.Name, ID: o.ID} }), nil
}

func (a *API) organization(ctx context.Context, in byID) (endpoint.Answer[organizationAnswer], error) {
	p := principal.Caller(ctx)
	row, found, err := a.Rows.Organization(ctx, in.ID)
	if err == nil && !found {
		err = problem.NotFoundError()
	}
	if err != nil {
		return endpoint.Answer[organizationAnswer]{}, err
	}
	s, _, err := a.Organizations.Load(ctx, in.ID)
	if err != nil {
		return endpoint.Answer[organizationAnswer]{}, err
	}
	out := a.describe(row, p)
	out.Allowed = endpoint.Allowed{
		"verify":         may(p, verify, in.ID, s, organization.Verify{Method: "x", Evidence: "x"}),
		"suspend":        may(p, suspend, in.ID, s, organization.Suspend{Reason: "x"}),
		"resume":         may(p, suspend, in.ID, s, organization.Resume{Reason: "x"}),
		"close":          may(p, closeOrg, in.ID, s, organization.Close{Reason: "x"}),
		"single_sign_on": may(p, configure, in.ID, s, nil),
		"grant_role":     may(p, grantRole, in.ID, s, nil),
		"revoke_role":    may(p, revokeRole, in.ID, s, nil),
	}
	return endpoint.OK(out), nil
}

var (
	errRole    = problem.New(problem.Forbidden, "role_missing", "None of your roles allows this.")
	errAlready = problem.New(problem.Conflict, "already", "It is so already.")
)

// may says whether the caller may take an action on an object of an organisation now: by role, and by its rules.
func may[S aggregate.State[S]](p principal.Principal, permission principal.Permission, organizationID string, s S, cmd aggregate.Command[S]) endpoint.Verdict {
	if !permission.Allows(p) || organizationID != p.Organization && !overAll(p, principal.PlatformAdmin) {
		return endpoint.Judge(refusals, errRole)
	}
	if cmd == nil {
		return endpoint.Judge(refusals, nil)
	}
	facts, err := cmd.Decide(s)
	if err == nil && len(facts) == 0 {
		err = errAlready
	}
	return endpoint.Judge(refusals, err)
}

type registerRequest struct {
	Body struct {
		Name           string     `json:"name" minLength:"1" maxLength:"120"`
		Kind           string     `json:"kind" enum:"partner" default:"partner" required:"false" doc:"The provider itself is registered at the first start."`
		Contract       string     `json:"contract,omitempty" maxLength:"200"`
		ContractEndsAt *time.Time `json:"contract_ends_at,omitempty"`
	}
}

func (a *API) register(ctx context.Context, in registerRequest) (receipt, error) {
	if err := within(ofProvider(principal.Caller(ctx))); err != nil {
		return receipt{}, err
	}
	id := endpoint.NewID(ctx, "organization")
	cmd := organization.Register{ID: id, Name: in.Body.Name, Kind: organization.Partner, Contract: in.Body.Contract, Now: a.Clock()}
	if in.Body.ContractEndsAt != nil {
		cmd.ContractEndsAt = *in.Body.ContractEndsAt
	}
	return a.change(ctx, id, cmd)
}

// change decides on an organisation and answers with the receipt.
func (a *API) change(ctx context.Context, id string, cmd aggregate.Command[organization.State]) (receipt, error) {
	out, err := a.Organizations.Handle(ctx, id, cmd)
	if err != nil {
		return receipt{}, err
	}
	return endpoint.Done(id, out.Position, out.Repeated), nil
}

type verifyRequest struct {
	ID   string `path:"id"`
	Body struct {
		Method   string `json:"method" minLength:"1" maxLength:"60"`
		Evidence string `json:"evidence" minLength:"1" maxLength:"500"`
	}
}

func (a *API) verify(ctx context.Context, in verifyRequest) (receipt, error) {
	return a.change(ctx, in.ID, organization.Verify{Method: in.Body.Method, Evidence: in.Body.Evidence})
}

func (a *API) suspend(ctx context.Context, in withReason) (receipt, error) {
	return a.change(ctx, in.ID, organization.Suspend{Reason: in.Body.Reason})
}

func (a *API) resume(ctx context.Context, in withReason) (receipt, error) {
	return a.change(ctx, in.ID, organization.Resume{Reason: in.Body.Reason})
}

func (a *API) close(ctx context.Context, in withReason) (receipt, error) {
	return a.change(ctx, in.ID, organization.Close{Reason: in.Body.Reason})
}
