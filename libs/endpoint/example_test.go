package endpoint_test

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
)

// This file has the shape of a service's internal/api: api.go is the table of contents, one Route a line; beside it stand
// small typed functions. The refusals of the pure package are plain sentinels, mapped once.

var errSameName = errors.New("two notes cannot have the same name")

type note struct{ ID, Organization, Name string }

// notes stands for an aggregate's repository and a view.
type notes struct {
	mu       sync.Mutex
	byID     map[string]note
	position uint64
}

// --- api.go

type api struct{ notes *notes }

var (
	read  = principal.For("note.read")
	write = principal.For("note.write", principal.AppOwner, principal.OrgAdmin)
	erase = principal.For("note.erase", principal.OrgAdmin).WithStepUp()
)

var refusals = problem.Map{errSameName: {Kind: problem.Conflict, Code: "same_name"}}

func routes(e *endpoint.API, n *notes) {
	a := &api{n}
	e.Refusals(refusals)
	endpoint.Route(e, write, endpoint.Operation{Method: "POST", Path: "/v1/notes", Summary: "Write a note", Status: http.StatusCreated, Limits: endpoint.Limits{Person: endpoint.Rate{Count: 30, Per: minute}}}, a.create)
	endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/notes", Summary: "List notes", Reach: "own organisation"}, a.list)
	endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/notes/{id}", Summary: "Read a note", Object: a.within}, a.get)
	endpoint.Route(e, erase, endpoint.Operation{Method: "POST", Path: "/v1/notes/{id}/erase", Summary: "Erase a note", Object: a.within}, a.erase)
}

func (a *api) within(_ context.Context, p principal.Principal, id string) error {
	if n, ok := a.notes.find(id); !ok || n.Organization != p.Organization {
		return problem.NotFoundError()
	}
	return nil
}

// --- notes.go

type createRequest struct {
	Body struct {
		Name string   `json:"name" minLength:"1" maxLength:"20"`
		Tags []string `json:"tags,omitempty" maxItems:"3"`
	}
}

func (a *api) create(ctx context.Context, in createRequest) (endpoint.Answer[endpoint.Receipt], error) {
	id := endpoint.NewID(ctx, "note") // the same again under the same Idempotency-Key
	position, repeated, err := a.notes.add(note{ID: id, Organization: principal.Caller(ctx).Organization, Name: in.Body.Name})
	if err != nil {
		return endpoint.Answer[endpoint.Receipt]{}, err
	}
	return endpoint.Done(id, position, repeated), nil
}

type noteAnswer struct {
	ID      string           `json:"id"`
	Name    string           `json:"name"`
	Tags    []string         `json:"tags"`
	Allowed endpoint.Allowed `json:"allowed"`
}

type byID struct {
	ID string `path:"id"`
}

func (a *api) get(ctx context.Context, in byID) (endpoint.Answer[noteAnswer], error) {
	n, _ := a.notes.find(in.ID)
	return endpoint.OK(noteAnswer{ID: n.ID, Name: n.Name, Allowed: endpoint.Allowed{
		"erase": endpoint.Judge(refusals, nil),
	}}), nil
}

type listRequest struct{ endpoint.Paging }

func (a *api) list(ctx context.Context, in listRequest) (endpoint.Answer[endpoint.Page[noteAnswer]], error) {
	var after string
	if err := in.Cursor(&after); err != nil {
		return endpoint.Answer[endpoint.Page[noteAnswer]]{}, err
	}
	var rows []noteAnswer
	for _, n := range a.notes.page(principal.Caller(ctx).Organization, after, in.Fetch()) {
		rows = append(rows, noteAnswer{ID: n.ID, Name: n.Name})
	}
	return endpoint.List(in.Paging, rows, func(n noteAnswer) any { return n.ID }), nil
}

func (a *api) erase(ctx context.Context, in byID) (endpoint.Answer[endpoint.Receipt], error) {
	return endpoint.Done(in.ID, a.notes.remove(in.ID), false), nil
}
