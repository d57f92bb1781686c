package audit

import (
	"context"
	"fmt"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/audit/internal/api"
	"github.com/chancery-dev/chancery/services/audit/internal/carrier"
	"github.com/chancery-dev/chancery/services/audit/internal/feed"
	"github.com/chancery-dev/chancery/services/audit/internal/policy"
	"github.com/chancery-dev/chancery/services/audit/internal/record"
	"github.com/chancery-dev/chancery/services/audit/internal/subscription"
	"github.com/chancery-dev/chancery/services/audit/internal/view"
)

// deliver wires the feed and its subscriptions into the service.
func deliver(ctx context.Context, d service.Deps, own config, rows view.Rows, stream *record.Stream, into *service.Service) (api.Delivery, error) {
	durables, err := carrier.Open(ctx, d.NATS)
	if err != nil {
		return api.Delivery{}, err
	}
	repository := eventlog.Repository[subscription.State]{Log: d.Log, Kind: "audit.subscription"}
	policies := policy.Policies{Rows: rows, Subscriptions: repository, Durables: durables}
	due := &deadline.Engine{DB: d.DB, Act: policies.OnDue, Clock: d.Clock, Service: d.Name, Logger: d.Logger, Tracer: d.Traces.Tracer("audit")}
	writer := &feed.Writer{JS: durables.JetStream(), Records: stream, Base: own.Base, Clock: d.Clock, Logger: d.Logger}
	into.Views, into.Policies = view.Own(), append(policies.All(), into.Policies...)
	into.Background["feed"], into.Background["deadlines"] = writer.Run, due.Run
	into.Background["notices"] = carrier.Notices{Durables: durables, Open: rows.AllOpen, Clock: d.Clock, Logger: d.Logger}.Run
	delivery := api.Delivery{Subscriptions: repository, Durables: durables, Lineage: d.Lineage, Followed: d.WaitFor, Base: own.Base,
		Recorded: func(ctx context.Context) (uint64, error) { at, err := stream.Last(ctx); return at.Records, err }}
	if own.Door == "" {
		return delivery, nil
	}
	issuer, err := carrier.ReadIssuer(own.Door)
	if err != nil {
		return delivery, fmt.Errorf("CHANCERY_NATS_DOOR: %w", err)
	}
	door := &carrier.Door{NATS: d.NATS, Issuer: issuer, Lineage: d.Lineage, Tail: d.Log.Tail, Clock: d.Clock, Logger: d.Logger}
	into.Folds, into.Background["door"] = append(into.Folds, door.Fold), door.Run
	delivery.Issuer, delivery.Taken = &issuer, door.Taken
	return delivery, nil
}
