package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
)

type meRequest struct {
	// Ends is when the portal ends the session for being idle; only the portal can send it.
	Ends time.Time `header:"Chancery-Session-Ends" timeFormat:"Mon, 02 Jan 2006 15:04:05 GMT" hidden:"true"`
}

type meAnswer struct {
	Person       namedPerson       `json:"person"`
	Organization namedOrganization `json:"organization"`
	Roles        []string          `json:"roles"`
	Session      mySession         `json:"session"`
	Permissions  []string          `json:"permissions" doc:"What of identity's own operations my roles allow"`
}

type namedPerson struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

type namedOrganization struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
}

type mySession struct {
	ID         string     `json:"id"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	ACR        string     `json:"acr,omitempty"`
	AuthTime   *time.Time `json:"auth_time,omitempty"`
	FreshUntil *time.Time `json:"fresh_until,omitempty" doc:"Until then a second factor need not be confirmed again"`
}

func (a *API) me(ctx context.Context, in meRequest) (endpoint.Answer[meAnswer], error) {
	p := principal.Caller(ctx)
	none := endpoint.Answer[meAnswer]{}
	who, found, err := a.Rows.Person(ctx, p.ID)
	if err != nil {
		return none, err
	}
	org, foundOrg, err := a.Rows.Organization(ctx, p.Organization)
	if err != nil {
		return none, err
	}
	if !found || !foundOrg {
		return none, problem.NotFoundError()
	}
	out := meAnswer{Person: namedPerson{who.ID, who.Name, who.Email}, Organization: namedOrganization{org.ID, org.Name, org.Kind},
		Roles: p.Roles, Session: mySession{ID: p.Session, ACR: p.ACR}}
	if s, err := a.Sessions.Find(ctx, p.Session, a.Clock()); err == nil {
		ends := s.ExpiresAt
		if !in.Ends.IsZero() && in.Ends.Before(ends) {
			ends = in.Ends
		}
		out.Session.ExpiresAt = &ends
	}
	if !p.AuthTime.IsZero() {
		out.Session.AuthTime = &p.AuthTime
	}
	if fresh := p.FreshUntil(endpoint.DefaultStepUpAge); !fresh.IsZero() {
		out.Session.FreshUntil = &fresh
	}
	for _, permission := range []principal.Permission{read, register, verify, suspend, closeOrg, configure, grantRole, revokeRole, lock, depart, erase} {
		if permission.Allows(p) {
			out.Permissions = append(out.Permissions, permission.Name)
		}
	}
	return endpoint.OK(out), nil
}

type namesRequest struct {
	Body struct {
		IDs []string `json:"ids" minItems:"1" maxItems:"200" doc:"Ids of people and organisations"`
	}
}

type namesAnswer struct {
	Names map[string]name `json:"names"`
}

type name struct {
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

// names leaves out what lies beyond reach just as what does not exist. The provider's people are known to partners by name:
// they decide over what partners ask for.
func (a *API) names(ctx context.Context, in namesRequest) (endpoint.Answer[namesAnswer], error) {
	p := principal.Caller(ctx)
	rows, err := a.Rows.Names(ctx, in.Body.IDs)
	out := namesAnswer{Names: map[string]name{}}
	for _, r := range rows {
		switch {
		case r.OrganizationID == p.Organization || ofProvider(p):
			out.Names[r.ID] = name{Name: r.Name, Email: r.Email}
		case r.OrganizationID == organization.ProviderID:
			out.Names[r.ID] = name{Name: r.Name}
		}
	}
	return endpoint.OK(out), err
}
