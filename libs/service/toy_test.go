package service_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// A toy registry: applications are registered and listed, by the whole stack.

type application struct {
	registered   bool
	organization string
}

func (a application) Evolve(e aggregate.Event) application {
	if f, ok := e.(*registryv1.ApplicationRegistered); ok {
		a.registered, a.organization = true, f.GetOrganizationId()
	}
	return a
}

func (a application) OrganizationID() string { return a.organization }

type register struct{ organization, name string }

func (c register) Decide(a application) ([]aggregate.Event, error) {
	if a.registered {
		return nil, nil
	}
	return []aggregate.Event{&registryv1.ApplicationRegistered{OrganizationId: c.organization, Name: c.name}}, nil
}

var applications = projection.View{
	Name: "applications", Version: 1, Schema: `create table applications (id text primary key, organization text not null, name text not null, seq bigint not null)`,
	Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		for _, r := range batch {
			for _, f := range r.Facts {
				if a, ok := f.(*registryv1.ApplicationRegistered); ok {
					if _, err := tx.ExecContext(ctx, `insert into applications (id, organization, name, seq) values ($1,$2,$3,$4)`, r.Envelope.GetSubject().GetId(), a.GetOrganizationId(), a.GetName(), r.Sequence); err != nil {
						return err
					}
				}
			}
		}
		return nil
	},
}

type registerRequest struct {
	Body struct {
		Name string `json:"name" minLength:"1"`
	}
}

type row struct {
	ID   string `json:"id" db:"id"`
	Name string `json:"name" db:"name"`
}

type listRequest struct{ endpoint.Paging }

func toy(_ context.Context, d service.Deps) (*service.Service, error) {
	repository := eventlog.Repository[application]{Log: d.Log, Kind: "registry.application"}
	endpoint.Route(d.API, principal.For("application.register", principal.AppOwner), endpoint.Operation{Method: "POST", Path: "/v1/applications", Summary: "Register", Status: 201, Limits: endpoint.Limits{Person: endpoint.Rate{Count: 20, Per: time.Hour}}},
		func(ctx context.Context, in registerRequest) (endpoint.Answer[endpoint.Receipt], error) {
			id := endpoint.NewID(ctx, "application")
			out, err := repository.Handle(ctx, id, register{principal.Caller(ctx).Organization, in.Body.Name})
			if err != nil {
				return endpoint.Answer[endpoint.Receipt]{}, err
			}
			return endpoint.Done(id, out.Position, out.Repeated), nil
		})
	endpoint.Route(d.API, principal.For("application.list"), endpoint.Operation{Method: "GET", Path: "/v1/applications", Summary: "List", Reach: "own organisation"},
		func(ctx context.Context, in listRequest) (endpoint.Answer[endpoint.Page[row]], error) {
			var after string
			if err := in.Cursor(&after); err != nil {
				return endpoint.Answer[endpoint.Page[row]]{}, err
			}
			var rows []row
			err := d.DB.SelectContext(ctx, &rows, `select id, name from applications where organization=$1 and id>$2 order by id limit $3`, principal.Caller(ctx).Organization, after, in.Fetch())
			return endpoint.List(in.Paging, rows, func(r row) any { return r.ID }), err
		})
	return &service.Service{Views: []projection.View{applications}}, nil
}

// person provisions one who may act, with a session.
func person(s *servicetest.Suite, organization string, roles ...string) principal.Principal {
	id := uuid.NewString()
	if organization == "" {
		organization = uuid.NewString()
		s.Append("identity", "organization", organization, &identityv1.OrganizationRegistered{Kind: "partner"})
	}
	at := s.Append("identity", "person", id, &identityv1.PersonProvisioned{OrganizationId: organization, Issuer: "https://idp.example"})
	return principal.Principal{
		ID: id, Kind: principal.Person, Organization: organization, Roles: roles, Session: uuid.NewString(), SessionSeen: at, Seen: at,
		AMR: []string{"mfa"}, AuthTime: time.Now(),
	}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) code() string {
	var p problem.Problem
	_ = json.Unmarshal([]byte(r.body), &p)
	return p.Code
}

func (r reply) receipt(t testing.TB) endpoint.Receipt {
	t.Helper()
	var v endpoint.Receipt
	if err := json.Unmarshal([]byte(r.body), &v); err != nil || r.status >= 300 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	return v
}

func call(t testing.TB, s *servicetest.Suite, at *service.Running, who *principal.Principal, method, path, body string, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequest(method, at.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if who != nil {
		r.Header.Set("Authorization", "Bearer "+s.Token(at.Name, *who))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return send(t, r)
}

func send(t testing.TB, r *http.Request) reply {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(content)}
}
