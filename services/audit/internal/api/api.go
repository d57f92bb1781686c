// Package api is audit's operations.
package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/audit/internal/record"
	"github.com/chancery-dev/chancery/services/audit/internal/tree"
	"github.com/chancery-dev/chancery/services/audit/internal/view"
)

// Deps is what the operations act through.
type Deps struct {
	Rows   view.Rows
	Stream *record.Stream
	Signer *tree.Signer
	Opener *eventlog.Opener
	// WaitFor returns once the views hold a number of records, or at the end of ctx.
	WaitFor func(ctx context.Context, records uint64) error
	// Written returns once the fact at a position of EVENTS is recorded, with the number of records, or with an error at the end of ctx.
	Written func(ctx context.Context, position uint64) error
	Now     func() time.Time
	Delivery
}

type api struct{ Deps }

var (
	all    = []string{principal.Auditor, principal.PlatformAdmin}
	read   = principal.For("record.read", append([]string{principal.OrgAdmin}, all...)...)
	export = principal.For("record.export", all...).WithStepUp()
	member = principal.For("log.read")

	following = principal.For("event.read", append([]string{principal.OrgAdmin}, all...)...)
	subscribe = principal.For("subscription.manage", append([]string{principal.OrgAdmin}, all...)...).WithStepUp()
)

// Routes declares every operation.
func Routes(e *endpoint.API, d Deps) {
	a := &api{d}
	e.Refusals(refusals)
	reach := "records of the own organisation; auditors and platform administrators all"
	endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/records", Summary: "Search records", Reach: reach, Timeout: 60 * time.Second}, a.search)
	endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/records/{position}", Summary: "Read a record", Object: a.within}, a.get)
	endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/records/{position}/proof", Summary: "Prove that a record is in the log, RFC 6962 §2.1.1", Object: a.within}, a.proof)
	endpoint.Raw(e, export, endpoint.Operation{Method: "GET", Path: "/v1/export", Summary: "Export every record with the checkpoints that prove them", Stream: true}, http.HandlerFunc(a.export), nil)
	endpoint.Raw(e, member, endpoint.Operation{Method: "GET", Path: "/checkpoint", Summary: "Newest checkpoint, C2SP tlog-checkpoint"}, http.HandlerFunc(a.checkpoint), nil)
	endpoint.Raw(e, member, endpoint.Operation{Method: "GET", Path: "/tile/{path...}", Summary: "Tiles of hashes, C2SP tlog-tiles"}, http.HandlerFunc(a.tile), nil)
	endpoint.Route(e, member, endpoint.Operation{Method: "GET", Path: "/v1/event-types", Summary: "List the types of event, with schema and sample"}, a.eventTypes)
	endpoint.Route(e, following, endpoint.Operation{Method: "GET", Path: "/v1/events", Summary: "Follow lifecycle events by cursor", Reach: reach, Timeout: 60 * time.Second}, a.follow)
	own := "subscriptions of the own organisation; auditors and platform administrators all"
	one := func(method, path, summary string) endpoint.Operation {
		return endpoint.Operation{Method: method, Path: path, Summary: summary, Reach: own, Object: a.withinSubscription}
	}
	endpoint.Route(e, subscribe, endpoint.Operation{Method: "POST", Path: "/v1/subscriptions", Summary: "Subscribe to lifecycle events", Status: http.StatusCreated}, a.subscribe)
	endpoint.Route(e, following, endpoint.Operation{Method: "GET", Path: "/v1/subscriptions", Summary: "List subscriptions", Reach: own}, a.subscriptions)
	endpoint.Route(e, following, one("GET", "/v1/subscriptions/{id}", "Show a subscription"), a.subscription)
	endpoint.Route(e, subscribe, one("POST", "/v1/subscriptions/{id}/replay", "Deliver a range again"), a.replay)
	endpoint.Route(e, following, one("GET", "/v1/subscriptions/{id}/check", "Say, signed, which events a range holds"), a.check)
	endpoint.Route(e, subscribe, one("POST", "/v1/subscriptions/{id}/end", "End a subscription"), a.end)
	endpoint.Route(e, member, endpoint.Operation{Method: "GET", Path: "/v1/log", Summary: "Origin and verifier key of the log"}, a.log)
}

func everywhere(p principal.Principal) bool { return p.Has(all...) }

func (a *api) within(ctx context.Context, p principal.Principal, id string) error {
	position, err := strconv.ParseUint(id, 10, 63)
	if err != nil {
		return problem.NotFoundError()
	}
	row, found, err := a.Rows.One(ctx, position)
	switch {
	case err != nil:
		return err
	case !found, row.OrganizationID != p.Organization && !everywhere(p):
		return problem.NotFoundError()
	}
	return nil
}

type logAnswer struct {
	Origin string `json:"origin"`
	Key    string `json:"key" doc:"Verifier key, C2SP signed-note"`
	Size   int64  `json:"size" doc:"Records under the newest checkpoint"`
}

func (a *api) log(ctx context.Context, _ struct{}) (endpoint.Answer[logAnswer], error) {
	_, size, err := a.Signer.Newest(ctx)
	return endpoint.OK(logAnswer{a.Signer.Origin, a.Signer.Public(), size}), err
}
