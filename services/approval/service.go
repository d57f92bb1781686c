// Package approval decides who is given access to what, for how long, and ends it in time.
package approval

import (
	"context"
	"time"

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
func New(ctx context.Context, d service.Deps) (*service.Service, error) {
	var own config
	if err := service.Load(ctx, d.Config.Lookup, &own); err != nil {
		return nil, err
	}
	if err := own.check(); err != nil {
		return nil, err
	}
	views := view.Views{Reader: projection.Reader{DB: d.DB, WaitFor: d.WaitFor}}
	requests := eventlog.Repository[request.State]{Log: d.Log, Kind: "approval.request"}
	grants := eventlog.Repository[grant.State]{Log: d.Log, Kind: "approval.grant"}
	operations := &api.Service{Views: views, Requests: requests, Grants: grants, Opener: eventlog.NewOpener(d.Vault), Clock: d.Clock, Undo: own.Undo}
	operations.Routes(d.API)
	policies := policy.Policies{Views: views, Requests: requests, Grants: grants, Clock: d.Clock}
	uses := &projection.Runner{Name: "activity", DB: d.DB, Follow: d.Log.FollowActivity, First: d.Log.ActivityFirst, Views: view.Activity(), Service: d.Name,
		Logger: d.Logger, Tracer: d.Traces.Tracer(Name)}
	shrink := policy.Shrink{Policies: policies, Watch: map[string]time.Duration{"public": own.Public, "partner": own.Partner, "sensitive": own.Sensitive},
		Shadow: own.Shadow, Every: own.Every, Ready: uses.Ready, Logger: d.Logger}
	due := &deadline.Engine{DB: d.DB, Act: policies.OnDue, Clock: d.Clock, Service: Name, Logger: d.Logger, Tracer: d.Traces.Tracer(Name)}
	return &service.Service{
		Views: view.All(), Policies: append(policies.All(), projection.Erases[*identityv1.PersonErased](d.Vault)),
		Background: map[string]func(context.Context) error{"deadlines": due.Run, "uses": uses.Run, "shrink": shrink.Run},
		Ready:      map[string]func(context.Context) error{"uses": uses.Ready},
	}, nil
}
