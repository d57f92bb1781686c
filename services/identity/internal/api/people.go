package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/identity/internal/person"
	"github.com/chancery-dev/chancery/services/identity/internal/view"
)

type personAnswer struct {
	ID             string           `json:"id"`
	OrganizationID string           `json:"organization_id"`
	Name           string           `json:"name,omitempty" doc:"Absent once erased"`
	Email          string           `json:"email,omitempty" doc:"Absent once erased"`
	State          string           `json:"state" enum:"active,locked,deprovisioned,erased"`
	Reason         string           `json:"reason,omitempty"`
	Roles          []string         `json:"roles"`
	RoleOrigins    []roleAnswer     `json:"role_origins,omitempty" doc:"Where each role came from"`
	ProvisionedAt  time.Time        `json:"provisioned_at"`
	LastSignInAt   *time.Time       `json:"last_sign_in_at,omitempty"`
	Allowed        endpoint.Allowed `json:"allowed,omitempty"`
}

type roleAnswer struct {
	Role      string    `json:"role"`
	Origin    string    `json:"origin" enum:"claim,manual"`
	GrantedAt time.Time `json:"granted_at"`
}

type peopleRequest struct {
	endpoint.Paging
	OrganizationID string `query:"organization_id" maxLength:"64" doc:"One's own if left out; all for the platform's administrators and auditors"`
}

func (a *API) people(ctx context.Context, in peopleRequest) (endpoint.Answer[endpoint.Page[personAnswer]], error) {
	p, after, none := principal.Caller(ctx), "", endpoint.Answer[endpoint.Page[personAnswer]]{}
	if err := in.Cursor(&after); err != nil {
		return none, err
	}
	of := in.OrganizationID
	switch {
	case of == "" && !overAll(p, principal.PlatformAdmin, principal.Auditor):
		of = p.Organization
	case of != "" && !a.reachesPerson(p, of):
		return none, problem.NotFoundError()
	}
	rows, err := a.Rows.People(ctx, of, after, in.Fetch())
	if err != nil {
		return none, err
	}
	all, err := a.fill(ctx, rows)
	if err != nil {
		return none, err
	}
	return endpoint.List(in.Paging, all, func(p personAnswer) any { return p.ID }), nil
}

// fill adds roles and last sign-ins to rows of people.
func (a *API) fill(ctx context.Context, rows []view.Person) ([]personAnswer, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	roles, err := a.Rows.RolesOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	last, err := a.Sessions.LastSignIns(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]personAnswer, len(rows))
	for i, r := range rows {
		all[i] = personAnswer{ID: r.ID, OrganizationID: r.OrganizationID, Name: r.Name, Email: r.Email, State: r.State(), Reason: r.Reason, ProvisionedAt: r.ProvisionedAt}
		if at, ok := last[r.ID]; ok {
			all[i].LastSignInAt = &at
		}
		for _, role := range roles {
			if role.PersonID == r.ID {
				all[i].Roles = append(all[i].Roles, role.Role)
				all[i].RoleOrigins = append(all[i].RoleOrigins, roleAnswer{role.Role, role.Origin, role.GrantedAt})
			}
		}
	}
	return all, nil
}

func (a *API) person(ctx context.Context, in byID) (endpoint.Answer[personAnswer], error) {
	p, none := principal.Caller(ctx), endpoint.Answer[personAnswer]{}
	row, found, err := a.Rows.Person(ctx, in.ID)
	if err == nil && !found {
		err = problem.NotFoundError()
	}
	if err != nil {
		return none, err
	}
	all, err := a.fill(ctx, []view.Person{row})
	if err != nil {
		return none, err
	}
	s, _, err := a.People.Load(ctx, in.ID)
	if err != nil {
		return none, err
	}
	out, org := all[0], row.OrganizationID
	out.Allowed = endpoint.Allowed{
		"lock":         may(p, lock, org, s, person.Lock{Reason: "x"}),
		"unlock":       may(p, lock, org, s, person.Unlock{Reason: "x"}),
		"end_sessions": may(p, lock, org, s, person.EndSessions{Reason: "x"}),
		"deprovision":  may(p, depart, org, s, person.Deprovision{Reason: "x"}),
		"erase":        may(p, erase, org, s, person.Erase{Reason: "x"}),
	}
	return endpoint.OK(out), nil
}

// decide decides on a person and answers with the receipt.
func (a *API) decide(ctx context.Context, id string, cmd aggregate.Command[person.State]) (receipt, error) {
	out, err := a.People.Handle(ctx, id, cmd)
	if err != nil {
		return receipt{}, err
	}
	return endpoint.Done(id, out.Position, out.Repeated), nil
}

func (a *API) lock(ctx context.Context, in withReason) (receipt, error) {
	return a.decide(ctx, in.ID, person.Lock{Reason: in.Body.Reason})
}

func (a *API) unlock(ctx context.Context, in withReason) (receipt, error) {
	return a.decide(ctx, in.ID, person.Unlock{Reason: in.Body.Reason})
}

type endSessionsRequest struct {
	ID   string `path:"id"`
	Body struct {
		Reason      string `json:"reason" minLength:"3" maxLength:"500"`
		Compromised bool   `json:"compromised,omitempty" doc:"The sessions were not in the person's hands: what was made in them ends too"`
	}
}

func (a *API) endSessions(ctx context.Context, in endSessionsRequest) (receipt, error) {
	return a.decide(ctx, in.ID, person.EndSessions{Reason: in.Body.Reason, Compromised: in.Body.Compromised})
}

func (a *API) deprovision(ctx context.Context, in withReason) (receipt, error) {
	return a.decide(ctx, in.ID, person.Deprovision{Reason: in.Body.Reason, Origin: "administrator"})
}

// erase says it first: should this process end here, the policy destroys the keys when the next one reads the fact.
func (a *API) erase(ctx context.Context, in withReason) (receipt, error) {
	done, err := a.decide(ctx, in.ID, person.Erase{Reason: in.Body.Reason, KeyIDs: []string{"identity.profile." + in.ID, "identity.trace." + in.ID}})
	if err != nil {
		return receipt{}, err
	}
	return done, a.Erase(ctx, in.ID)
}
