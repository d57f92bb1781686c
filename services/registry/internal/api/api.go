// Package api is the registry's HTTP face: what can be asked of it, by whom, and about what.
package api

import (
	"context"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/registry/internal/application"
	"github.com/chancery-dev/chancery/services/registry/internal/contract"
	"github.com/chancery-dev/chancery/services/registry/internal/product"
	"github.com/chancery-dev/chancery/services/registry/internal/version"
	"github.com/chancery-dev/chancery/services/registry/internal/view"
)

// Service is what the operations work on.
type Service struct {
	Views        view.Views
	Products     eventlog.Repository[product.State]
	Versions     eventlog.Repository[version.State]
	Applications eventlog.Repository[application.State]
	// Documents keeps the contracts as they were handed in.
	Documents *eventlog.Blobs
	Clock     func() time.Time
}

// Who may do what; reach comes on top.
var (
	readProducts    = principal.For("product.read")
	draftProduct    = principal.For("product.draft", principal.ProductOwner)
	classifyProduct = principal.For("product.classify", principal.ProductOwner)
	assignSeat      = principal.For("product.seat", principal.ProductOwner).WithStepUp()
	setAudience     = principal.For("product.audience", principal.ProductOwner).WithStepUp()
	publishProduct  = principal.For("product.publish", principal.ProductOwner).WithStepUp()
	limitProduct    = principal.For("product.limit", principal.ProductOwner, principal.APIOwner)
	withdrawProduct = principal.For("product.withdraw", principal.ProductOwner, principal.PlatformAdmin)
	retireProduct   = principal.For("product.retire", principal.ProductOwner).WithStepUp()

	submitVersion    = principal.For("version.submit", principal.ProductOwner, principal.APIOwner)
	publishVersion   = principal.For("version.publish", principal.ProductOwner, principal.APIOwner).WithStepUp()
	deprecateVersion = principal.For("version.deprecate", principal.ProductOwner, principal.APIOwner)
	rollOutVersion   = principal.For("version.rollout", principal.ProductOwner, principal.APIOwner).WithStepUp()

	readApplications    = principal.For("application.read")
	registerApplication = principal.For("application.register", principal.AppOwner, principal.OrgAdmin)
	assignOwner         = principal.For("application.owner", principal.AppOwner, principal.OrgAdmin).WithStepUp()
	stopApplication     = principal.For("application.stop", principal.AppOwner, principal.OrgAdmin, principal.PlatformAdmin)
	startApplication    = principal.For("application.start", principal.OrgAdmin, principal.PlatformAdmin).WithStepUp()
)

const (
	catalogue = "products of the caller's audience; the provider's own people see drafts by their roles"
	provider  = "products of the caller's own organisation"
	owned     = "applications of the caller's own organisation; all of them for the provider's administrators and auditors"
)

// Routes declares every operation.
func (s *Service) Routes(a *endpoint.API) {
	a.Refusals(refusals)

	endpoint.Route(a, readProducts, op("GET", "/v1/products", "List the catalogue"), s.listProducts)
	endpoint.Route(a, draftProduct, create("/v1/products", "Draft a product"), s.draftProduct)
	endpoint.Route(a, readProducts, of("GET", "/v1/products/{id}", "Show a product", catalogue, s.seesProduct), s.showProduct)
	endpoint.Route(a, classifyProduct, of("POST", "/v1/products/{id}/classify", "Classify a product", provider, s.ownsProduct), s.classifyProduct)
	endpoint.Route(a, assignSeat, of("POST", "/v1/products/{id}/seats", "Give a seat of a product to a person", provider, s.ownsProduct), s.assignSeat)
	endpoint.Route(a, setAudience, of("POST", "/v1/products/{id}/audience", "Say who may see a product", provider, s.ownsProduct), s.setAudience)
	endpoint.Route(a, publishProduct, of("POST", "/v1/products/{id}/publish", "Show a product to its audience", provider, s.ownsProduct), s.publishProduct)
	endpoint.Route(a, limitProduct, of("POST", "/v1/products/{id}/limits", "Limit how much consumers may call a product", provider, s.ownsProduct), s.setLimits)
	endpoint.Route(a, withdrawProduct, of("POST", "/v1/products/{id}/withdraw", "Hide a product from its audience", provider, s.ownsProduct), s.withdrawProduct)
	endpoint.Route(a, retireProduct, of("POST", "/v1/products/{id}/retire", "End a product for good", provider, s.ownsProduct), s.retireProduct)

	endpoint.Route(a, readProducts, of("GET", "/v1/products/{id}/versions", "List a product's versions", catalogue, s.seesProduct), s.listVersions)
	endpoint.Route(a, submitVersion, s.submission(), s.submitVersion)
	endpoint.Route(a, readProducts, of("GET", "/v1/versions/{id}", "Show a version", catalogue, s.seesVersion), s.showVersion)
	endpoint.Raw(a, readProducts, of("GET", "/v1/versions/{id}/contract", "The contract as it was handed in", catalogue, s.seesVersion), http.HandlerFunc(s.downloadContract), nil)
	endpoint.Route(a, publishVersion, of("POST", "/v1/versions/{id}/publish", "Publish a version", provider, s.ownsVersion), s.publishVersion)
	endpoint.Route(a, deprecateVersion, of("POST", "/v1/versions/{id}/deprecate", "Announce the end of a version", provider, s.ownsVersion), s.deprecateVersion)
	endpoint.Route(a, rollOutVersion, of("POST", "/v1/versions/{id}/rollout", "Open an operation to a part of the organisations", provider, s.ownsVersion), s.rollOutVersion)

	endpoint.Route(a, readApplications, op("GET", "/v1/applications", "List applications"), s.listApplications)
	endpoint.Route(a, registerApplication, create("/v1/applications", "Register an application"), s.registerApplication)
	endpoint.Route(a, readApplications, of("GET", "/v1/applications/{id}", "Show an application", owned, s.seesApplication), s.showApplication)
	endpoint.Route(a, assignOwner, of("POST", "/v1/applications/{id}/owners", "Hand a seat of an application over", owned, s.reachesApplication), s.assignOwner)
	endpoint.Route(a, stopApplication, of("POST", "/v1/applications/{id}/suspend", "Stop an application for a while", owned, s.reachesApplication), s.suspendApplication)
	endpoint.Route(a, startApplication, of("POST", "/v1/applications/{id}/resume", "Lift a suspension", owned, s.reachesApplication), s.resumeApplication)
	endpoint.Route(a, stopApplication, of("POST", "/v1/applications/{id}/disable", "End everything an application was given", owned, s.reachesApplication), s.disableApplication)
	endpoint.Route(a, startApplication, of("POST", "/v1/applications/{id}/enable", "Let a disabled application be given access anew", owned, s.reachesApplication), s.enableApplication)
	endpoint.Route(a, stopApplication, of("POST", "/v1/applications/{id}/offboard", "End an application for good", owned, s.reachesApplication), s.offboardApplication)
}

func op(method, path, summary string) endpoint.Operation {
	return endpoint.Operation{Method: method, Path: path, Summary: summary}
}

func create(path, summary string) endpoint.Operation {
	return endpoint.Operation{Method: "POST", Path: path, Summary: summary, Status: http.StatusCreated}
}

func of(method, path, summary, reach string, object func(context.Context, principal.Principal, string) error) endpoint.Operation {
	return endpoint.Operation{Method: method, Path: path, Summary: summary, Reach: reach, Object: object}
}

func (s *Service) submission() endpoint.Operation {
	o := of("POST", "/v1/products/{id}/versions", "Submit a contract as a version of a product", provider, s.ownsProduct)
	o.Status, o.MaxBody, o.Timeout = http.StatusCreated, contract.MaxBytes, time.Minute
	o.Accept = []string{"application/yaml", "application/json", "application/x-yaml", "text/yaml"}
	return o
}

// decide decides what build makes of rows that include everything up to after, which is read anew for every attempt.
func decide[S aggregate.State[S]](ctx context.Context, s *Service, r eventlog.Repository[S], id string, after uint64, build func(context.Context, view.Rows) (aggregate.Command[S], error)) (eventlog.Outcome, error) {
	return r.HandleWith(ctx, id, func(ctx context.Context, tail uint64) (cmd aggregate.Command[S], seen uint64, err error) {
		seen, err = s.Views.At(ctx, max(tail, after, eventlog.MetaFrom(ctx).Shown), func(rows view.Rows) error {
			cmd, err = build(ctx, rows)
			return err
		})
		return cmd, seen, err
	})
}

// done answers a command about one object.
func done(id string, out eventlog.Outcome, err error) (endpoint.Answer[endpoint.Receipt], error) {
	if err != nil {
		return endpoint.Answer[endpoint.Receipt]{}, err
	}
	return endpoint.Done(id, out.Position, out.Repeated), nil
}

// Object is the parameter of operations on one object.
type Object struct {
	ID string `path:"id"`
}

// Reasoned is a command that says why.
type Reasoned struct {
	Object
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}
