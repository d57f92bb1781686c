// Package api is approval's HTTP face: what can be asked of it, by whom, and about what.
package api

import (
	"context"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

// Service is what the operations work on.
type Service struct {
	Views    view.Views
	Requests eventlog.Repository[request.State]
	Grants   eventlog.Repository[grant.State]
	// Opener reads what people wrote.
	Opener *eventlog.Opener
	Clock  func() time.Time
	// Undo is how long a narrowing that followed a proposal can be taken back.
	Undo time.Duration
}

// Who may do what; reach comes on top. Who may take which seat of a request is no role of the caller's token but judged
// on the facts when they do.
var (
	readRequests   = principal.For("request.read")
	submitRequest  = principal.For("request.submit", principal.AppOwner, principal.OrgAdmin)
	reviewRequest  = principal.For("request.review").WithStepUp()
	withdrawing    = principal.For("request.withdraw", principal.AppOwner, principal.OrgAdmin)
	readGrants     = principal.For("grant.read")
	endGrant       = principal.For("grant.revoke", principal.AppOwner, principal.OrgAdmin, principal.ProductOwner, principal.Reviewer, principal.SecurityReviewer, principal.PlatformAdmin).WithStepUp()
	narrowingGrant = principal.For("grant.narrow", principal.AppOwner, principal.OrgAdmin, principal.ProductOwner, principal.Reviewer, principal.SecurityReviewer, principal.PlatformAdmin).WithStepUp()
)

const reach = "those of the caller's own organisation; of the provider's products for its owners, reviewers, auditors and administrators"

// Routes declares every operation.
func (s *Service) Routes(a *endpoint.API) {
	a.Refusals(refusals)

	endpoint.Route(a, readRequests, endpoint.Operation{Method: "GET", Path: "/v1/requests", Summary: "List requests", Reach: reach}, s.listRequests)
	endpoint.Route(a, submitRequest, endpoint.Operation{Method: "POST", Path: "/v1/requests", Summary: "Request access", Status: http.StatusCreated}, s.submitRequest)
	endpoint.Route(a, submitRequest, endpoint.Operation{Method: "POST", Path: "/v1/requests/preview", Summary: "Say which reviews a request would need"}, s.previewRequest)
	endpoint.Route(a, readRequests, s.request("GET", "/v1/requests/{id}", "Show a request"), s.showRequest)
	endpoint.Route(a, reviewRequest, s.request("POST", "/v1/requests/{id}/reviews", "Review a request"), s.reviewRequest)
	endpoint.Route(a, withdrawing, s.request("POST", "/v1/requests/{id}/withdraw", "Withdraw a request"), s.withdrawRequest)

	endpoint.Route(a, readGrants, endpoint.Operation{Method: "GET", Path: "/v1/grants", Summary: "List grants", Reach: reach}, s.listGrants)
	endpoint.Route(a, readGrants, s.grant("GET", "/v1/grants/{id}", "Show a grant"), s.showGrant)
	endpoint.Route(a, endGrant, s.grant("POST", "/v1/grants/{id}/revoke", "Revoke a grant"), s.revokeGrant)
	endpoint.Route(a, narrowingGrant, s.grant("POST", "/v1/grants/{id}/narrow", "Leave a grant fewer scopes"), s.narrowGrant)
	s.shrinking(a)
}

func (s *Service) request(method, path, summary string) endpoint.Operation {
	return endpoint.Operation{Method: method, Path: path, Summary: summary, Reach: reach, Object: s.reachesRequest}
}

func (s *Service) grant(method, path, summary string) endpoint.Operation {
	return endpoint.Operation{Method: method, Path: path, Summary: summary, Reach: reach, Object: s.reachesGrant}
}

// decide decides what build makes of rows that include everything the aggregate holds and the caller was shown; they are
// read anew for every attempt, so that authority is judged again on a conflict.
func decide[S aggregate.State[S]](ctx context.Context, s *Service, r eventlog.Repository[S], id string, build func(context.Context, view.Rows) (aggregate.Command[S], error)) (eventlog.Outcome, error) {
	return r.HandleWith(ctx, id, func(ctx context.Context, tail uint64) (cmd aggregate.Command[S], seen uint64, err error) {
		seen, err = s.Views.At(ctx, max(tail, eventlog.MetaFrom(ctx).Shown), func(rows view.Rows) error {
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
