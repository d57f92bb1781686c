// Package registry keeps the register of products, their versions and the applications that use them.
package registry

import (
	"context"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/service"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/registry/internal/api"
	"github.com/chancery-dev/chancery/services/registry/internal/application"
	"github.com/chancery-dev/chancery/services/registry/internal/policy"
	"github.com/chancery-dev/chancery/services/registry/internal/product"
	"github.com/chancery-dev/chancery/services/registry/internal/version"
	"github.com/chancery-dev/chancery/services/registry/internal/view"
)

// Name is the service's, in subjects, audiences and paths.
const Name = "registry"

// New wires the registry.
func New(_ context.Context, d service.Deps) (*service.Service, error) {
	views := view.Views{Reader: projection.Reader{DB: d.DB, WaitFor: d.WaitFor}}
	products := eventlog.Repository[product.State]{Log: d.Log, Kind: "registry.product"}
	versions := eventlog.Repository[version.State]{Log: d.Log, Kind: "registry.version"}
	applications := eventlog.Repository[application.State]{Log: d.Log, Kind: "registry.application"}
	operations := &api.Service{Views: views, Products: products, Versions: versions, Applications: applications, Documents: d.Blobs, Clock: d.Clock}
	operations.Routes(d.API)
	policies := policy.Policies{Views: views, Applications: applications, Products: products, Versions: versions, Clock: d.Clock}
	due := &deadline.Engine{DB: d.DB, Act: policies.OnDue, Clock: d.Clock, Service: Name, Logger: d.Logger, Tracer: d.Traces.Tracer(Name)}
	return &service.Service{
		Views: view.All(), Policies: append(policies.All(), projection.Erases[*identityv1.PersonErased](d.Vault)),
		Background: map[string]func(context.Context) error{"deadlines": due.Run},
	}, nil
}
