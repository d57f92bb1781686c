package api

import (
	"context"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/services/registry/internal/version"
)

// Rollout says to whom one operation of a version is open.
type Rollout struct {
	OperationID     string   `json:"operation_id" minLength:"1" maxLength:"200"`
	Percent         uint32   `json:"percent" maximum:"100" doc:"Of the organisations; whoever is in stays in as it rises"`
	OrganizationIDs []string `json:"organization_ids,omitempty" maxItems:"1000" doc:"Organisations to which it is open besides"`
}

type rolloutRequest struct {
	Object
	Body Rollout
}

func (s *Service) rollOutVersion(ctx context.Context, in rolloutRequest) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := s.Versions.Handle(ctx, in.ID, version.SetRollout{OperationID: in.Body.OperationID, Percent: in.Body.Percent, OrganizationIDs: in.Body.OrganizationIDs})
	return done(in.ID, out, err)
}

// rollouts are those of a version, for who provides it.
func rollouts(s version.State) []Rollout {
	var out []Rollout
	for id, r := range s.Rollouts {
		out = append(out, Rollout{id, r.Percent, r.OrganizationIDs})
	}
	slices.SortFunc(out, func(a, b Rollout) int { return strings.Compare(a.OperationID, b.OperationID) })
	return out
}

func anyOf(operations map[string]bool) string {
	for id := range operations {
		return id
	}
	return ""
}
