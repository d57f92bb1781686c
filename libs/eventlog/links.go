package eventlog

import (
	"context"

	"go.opentelemetry.io/otel/trace"
)

// links bounds how many requests one span points back at.
const links = 128

// Links lead from the span of what is done with a batch to the requests that it came of.
func Links(ctx context.Context, batch []Recorded) []trace.Link {
	var out []trace.Link
	for _, r := range batch {
		if r.TraceParent != "" && len(out) < links {
			out = append(out, trace.LinkFromContext(r.Trace(ctx)))
		}
	}
	return out
}
