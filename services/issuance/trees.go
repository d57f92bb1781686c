package issuance

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/issuance/endings"
	"github.com/chancery-dev/chancery/services/issuance/internal/killtree"
)

// trees makes what tells of descent and of endings, and measures how fast endings are felt.
func trees(d service.Deps, lifetime time.Duration) (*killtree.Tree, *killtree.Revocations, error) {
	felt, err := d.Metrics.Meter("github.com/chancery-dev/chancery/services/issuance").Float64Histogram("chancery.revocation.felt",
		metric.WithUnit("s"), metric.WithDescription("From an ending in the log to an authorizer that has applied it"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5))
	if err != nil {
		return nil, nil, err
	}
	tree := &killtree.Tree{Fold: d.Lineage, Now: d.Clock, Historian: &killtree.Historian{Log: d.Log, Lifetime: lifetime}}
	of := func(c endings.Cause) string { return tree.Organization(lineage.Ref{Kind: c.Of.Kind, ID: c.Of.ID}) }
	return tree, &killtree.Revocations{Organization: of, Watch: d.Pulse.Watch, Now: d.Clock, Took: func(kind string, took time.Duration) {
		felt.Record(context.Background(), took.Seconds(), metric.WithAttributes(attribute.String("chancery.kind", kind)))
	}}, nil
}
