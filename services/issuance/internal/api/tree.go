package api

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/endings"
	"github.com/chancery-dev/chancery/services/issuance/internal/killtree"
)

var readTree = principal.For("descendant.read", principal.AppOwner, principal.OrgAdmin, principal.Auditor, principal.PlatformAdmin)

func (a *api) treeRoutes(e *endpoint.API) {
	heavy := endpoint.Limits{Person: endpoint.Rate{Count: 60, Per: time.Minute}, Organization: endpoint.Rate{Count: 600, Per: time.Minute}}
	endpoint.Route(e, readTree, endpoint.Operation{Method: "GET", Path: "/v1/descendants", Summary: "List what would end with something", Reach: "own organisation; auditors and platform administrators all", Limits: heavy}, a.descendants)
	endpoint.Route(e, readTree, endpoint.Operation{Method: "GET", Path: "/v1/endings/{position}", Summary: "Read the signed list of what one fact ended", Object: a.endingWithin, Reach: "own organisation's; auditors and platform administrators all", Limits: heavy, Timeout: 2 * time.Minute}, a.ending)
	endpoint.Route(e, readTree, endpoint.Operation{Method: "GET", Path: "/v1/revocations", Summary: "List recent endings and how fast they were felt", Reach: "own organisation's; auditors and platform administrators all"}, a.recent)
}

type descendantsRequest struct {
	Kind     string `query:"kind" required:"true" enum:"organization,person,application,request,grant,credential,generation,consent,signing_key,authorization,subscription" doc:"Kind of the root"`
	ID       string `query:"id" required:"true" minLength:"1" maxLength:"128" doc:"Its id; a generation is <credential>/<number>"`
	Sessions bool   `query:"sessions" doc:"Of a person: also what was made in the person's sessions"`
}

type descendantsAnswer struct {
	Root  endings.Node      `json:"root"`
	Count int               `json:"count" doc:"How many are live or paused: what an ending of the root would end"`
	Kinds map[string]int    `json:"kinds" doc:"That count by kind"`
	Items []killtree.Member `json:"items" doc:"All of them, what has ended or expired included, each after what it descends from"`
}

func (a *api) descendants(ctx context.Context, in descendantsRequest) (endpoint.Answer[descendantsAnswer], error) {
	var none endpoint.Answer[descendantsAnswer]
	root := lineage.Ref{Kind: in.Kind, ID: in.ID}
	if p := principal.Caller(ctx); !everywhere(p) && (p.Organization == "" || a.Tree.Organization(root) != p.Organization) {
		return none, problem.NotFoundError()
	}
	members, err := a.Tree.Descendants(ctx, root, in.Sessions)
	if err != nil {
		return none, err
	}
	if len(members) == 0 {
		return none, problem.NotFoundError()
	}
	out := descendantsAnswer{Root: endings.Node{Kind: in.Kind, ID: in.ID}, Kinds: map[string]int{}, Items: members}
	for _, m := range members {
		if m.State == lineage.Alive.String() || m.State == lineage.Held.String() {
			out.Count++
			out.Kinds[m.Kind]++
		}
	}
	return endpoint.OK(out), nil
}

func (a *api) endingWithin(ctx context.Context, p principal.Principal, id string) error {
	position, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return problem.NotFoundError()
	}
	organization, err := a.Tree.OrganizationOf(ctx, position)
	switch {
	case errors.Is(err, killtree.ErrNoEnding):
		return problem.NotFoundError()
	case err != nil:
		return err
	case !everywhere(p) && (organization == "" || organization != p.Organization):
		return problem.NotFoundError()
	}
	return nil
}

type endingRequest struct {
	Position uint64 `path:"position"`
}

type endingAnswer struct {
	endings.List
	Confirmed []string `json:"confirmed" doc:"Authorizers that have applied the ending"`
	Pending   []string `json:"pending" doc:"Authorizers that have not said so"`
}

func (a *api) ending(ctx context.Context, in endingRequest) (endpoint.Answer[endingAnswer], error) {
	list, err := a.Tree.Ending(ctx, in.Position)
	if err != nil {
		return endpoint.Answer[endingAnswer]{}, err
	}
	list.Statement, err = a.OAuth.Keys.SignAs(ctx, endings.Type, endings.Statement{
		Issuer: a.OAuth.Issuer, IssuedAt: a.Now().Unix(), Cause: list.Cause, Count: list.Count, Kinds: list.Kinds, Digest: list.Digest(),
	})
	if err != nil {
		return endpoint.Answer[endingAnswer]{}, err
	}
	r := a.Applied.Wait(ctx, in.Position)
	return endpoint.OK(endingAnswer{list, r.Confirmed, r.Pending}), nil
}

func (a *api) recent(ctx context.Context, _ struct{}) (endpoint.Answer[killtree.Figures], error) {
	organization := principal.Caller(ctx).Organization
	if everywhere(principal.Caller(ctx)) {
		organization = ""
	}
	return endpoint.OK(a.Revocations.Figures(organization)), nil
}
