// Package approval decides who is given access to what, for how long, and ends it in time.
package approval

import (
	"context"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/service"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/approval/internal/api"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
	"github.com/chancery-dev/chancery/services/approval/internal/policy"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

// Name is the service's, in subjects, audiences and paths.
const Name = "approval"

// New wires approval.
func New(_ context.Context, d service.Deps) (*service.Service, error) {
	views := view.Views{Reader: projection.Reader{DB: d.DB, WaitFor: d.WaitFor}}
	requests := eventlog.Repository[request.State]{Log: d.Log, Kind: "approval.request"}
	grants := eventlog.Repository[grant.State]{Log: d.Log, Kind: "approval.grant"}
	operations := &api.Service{Views: views, Requests: requests, Grants: grants, Opener: eventlog.NewOpener(d.Vault), Clock: d.Clock}
	operations.Routes(d.API)
	policies := policy.Policies{Views: views, Requests: requests, Grants: grants, Clock: d.Clock}
	due := &deadline.Engine{DB: d.DB, Act: policies.OnDue, Clock: d.Clock, Service: Name, Logger: d.Logger, Tracer: d.Traces.Tracer(Name)}
	return &service.Service{
		Views: view.All(), Policies: append(policies.All(), projection.Erases[*identityv1.PersonErased](d.Vault)),
		Background: map[string]func(context.Context) error{"deadlines": due.Run},
	}, nil
}
