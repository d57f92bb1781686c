// Package projection turns facts into rows: one follower a service, all its views in one transaction with one
// checkpoint, and the service's policies after the commit.
package projection

import (
	"context"
	"regexp"

	"github.com/jmoiron/sqlx"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
)

// View is one read model. Nothing but Apply writes its tables.
type View struct {
	Name string
	// Version is raised whenever Schema or Apply would make other rows of the same facts: the view is then emptied and
	// replayed from the first fact.
	Version int
	// Schema is the statements that create its tables and indexes, all named without a schema: they stand in the
	// service's own, or in a temporary one while the view is verified.
	Schema string
	// Apply writes what the batch changes. Batches come in order, each record exactly once unless a transaction was
	// rolled back. A fact of an unknown type is nil. The same facts must make the same rows, however they are batched.
	Apply func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error
}

// Policy is one reaction: it is shown facts, in order, after the views have them, at least once.
type Policy struct {
	Name string
	// On decides on the service's own aggregates. ctx carries the meta of what it does: a command id made of policy and
	// fact, so that doing it again changes nothing, the fact as the cause, and as seen the position of the views before
	// it was called. What fails is tried again until it does not; the policy's later facts wait.
	On func(ctx context.Context, r eventlog.Recorded, index int, fact aggregate.Event) error
	// To names the only types of fact it is shown; none means every one.
	To []protoreflect.FullName
}

// On is the policy that answers facts of one type.
func On[T aggregate.Event](name string, answer func(ctx context.Context, r eventlog.Recorded, index int, fact T) error) Policy {
	var zero T
	return Policy{
		Name: name,
		To:   []protoreflect.FullName{zero.ProtoReflect().Descriptor().FullName()},
		On: func(ctx context.Context, r eventlog.Recorded, index int, fact aggregate.Event) error {
			return answer(ctx, r, index, fact.(T))
		},
	}
}

// Source is what is followed: a log's Follow or FollowActivity.
type Source func(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error

var created = regexp.MustCompile(`(?i)create\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?([a-z_][a-z0-9_]*)`)

// Tables are the tables a view owns, in the order its schema creates them.
func (v View) Tables() []string {
	var names []string
	for _, m := range created.FindAllStringSubmatch(v.Schema, -1) {
		names = append(names, m[1])
	}
	return names
}
