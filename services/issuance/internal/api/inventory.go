package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// inventoryRoutes declares what tells of all credentials together.
func (a *api) inventoryRoutes(e *endpoint.API) {
	reach := "own organisation; auditors and platform administrators all"
	endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/inventory", Summary: "List live credentials with what is to be said of each", Reach: reach}, a.inventory)
	endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/inventory/summary", Summary: "Count live credentials and findings by organisation", Reach: reach}, a.summary)
}

// Window is after how many days without use something counts as unused, unless said otherwise.
type Window struct {
	Days           int    `query:"days" minimum:"1" maximum:"365" default:"30" doc:"Days without use after which a credential or scope counts as unused, and after which a first secret should have been rotated"`
	OrganizationID string `query:"organization_id" maxLength:"64" doc:"One organisation alone"`
}

func (a *api) look(ctx context.Context, w Window, finding string) view.Inventory {
	caller, now := principal.Caller(ctx), a.Now()
	i := view.Inventory{OrganizationID: w.OrganizationID, Finding: finding, Orphans: a.Standing.Orphans(), Now: now, Since: now.AddDate(0, 0, -w.Days)}
	if !everywhere(caller) {
		i.OrganizationID = caller.Organization
	}
	return i
}

type inventoryRequest struct {
	endpoint.Paging
	Window
	Finding string `query:"finding" enum:"orphaned,over_scoped,unused,never_rotated,ageing,imported" doc:"Those alone of which this is true"`
}

type stockAnswer struct {
	ID             string     `json:"id"`
	Kind           string     `json:"kind"`
	Name           string     `json:"name"`
	GrantID        string     `json:"grant_id"`
	ApplicationID  string     `json:"application_id"`
	OrganizationID string     `json:"organization_id"`
	ProductID      string     `json:"product_id"`
	Environment    string     `json:"environment"`
	Class          string     `json:"class"`
	State          string     `json:"state"`
	IssuedAt       time.Time  `json:"issued_at"`
	ExpiresAt      time.Time  `json:"expires_at"`
	LastUsedAt     *time.Time `json:"last_used_at,omitempty"`
	Rotations      int        `json:"rotations" doc:"How often the secret was replaced"`
	Scopes         []string   `json:"scopes"`
	UnusedScopes   []string   `json:"unused_scopes" doc:"Scopes no call needed within the window"`
	Findings       []string   `json:"findings"`
}

func (a *api) inventory(ctx context.Context, in inventoryRequest) (endpoint.Answer[endpoint.Page[stockAnswer]], error) {
	after := ""
	if err := in.Cursor(&after); err != nil {
		return endpoint.Answer[endpoint.Page[stockAnswer]]{}, err
	}
	rows, err := a.Rows.Stock(ctx, a.look(ctx, in.Window, in.Finding), after, in.Fetch())
	if err != nil {
		return endpoint.Answer[endpoint.Page[stockAnswer]]{}, err
	}
	answers := make([]stockAnswer, len(rows))
	for i, s := range rows {
		answers[i] = stockAnswer{
			s.ID, s.Kind, s.Name, s.GrantID, s.ApplicationID, s.OrganizationID, s.ProductID, s.Environment, s.Class, s.State, s.IssuedAt.UTC(), s.ExpiresAt.UTC(),
			s.LastUsedAt, s.Rotations, s.Scopes, s.UnusedScopes, s.Findings,
		}
	}
	return endpoint.List(in.Paging, answers, func(s stockAnswer) any { return s.ID }), nil
}

type tally struct {
	OrganizationID string         `json:"organization_id,omitempty"`
	Live           int            `json:"live"`
	Findings       map[string]int `json:"findings" doc:"Of how many live credentials each finding is true"`
}

type summaryAnswer struct {
	Total         tally   `json:"total"`
	Organizations []tally `json:"organizations"`
}

func (a *api) summary(ctx context.Context, in struct{ Window }) (endpoint.Answer[summaryAnswer], error) {
	rows, err := a.Rows.Tallies(ctx, a.look(ctx, in.Window, ""))
	if err != nil {
		return endpoint.Answer[summaryAnswer]{}, err
	}
	answer := summaryAnswer{Total: tally{Findings: map[string]int{}}, Organizations: []tally{}}
	for _, f := range view.Findings {
		answer.Total.Findings[f] = 0
	}
	for _, r := range rows {
		t := tally{r.OrganizationID, r.Live, map[string]int{
			view.Orphaned: r.Orphaned, view.OverScoped: r.OverScoped, view.Unused: r.Unused, view.NeverRotated: r.NeverRotated, view.Ageing: r.Ageing, view.Imported: r.Imported,
		}}
		answer.Total.Live += r.Live
		for f, n := range t.Findings {
			answer.Total.Findings[f] += n
		}
		answer.Organizations = append(answer.Organizations, t)
	}
	return endpoint.OK(answer), nil
}
