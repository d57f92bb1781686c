package service

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
)

// decisionPatience bounds how long a decision waits for the fold it rests on.
const decisionPatience = 2 * time.Second

// frontier is the lineage fold as the log asks for it.
type frontier struct{ fold *lineage.Fold }

func (f frontier) Position() uint64 { return f.fold.Position() }

func (f frontier) WaitFor(ctx context.Context, position uint64) error {
	if f.fold.Position() >= position {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, decisionPatience)
	defer cancel()
	if err := f.fold.WaitFor(bounded, position); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: at %d of %d", eventlog.ErrBehind, f.fold.Position(), position)
	}
	return nil
}

// follower feeds every in-memory fold of a service from one reading of EVENTS.
type follower struct {
	lineage *lineage.Fold
	keyring *principal.Keyring
	folds   []Fold
	service string
	tracer  trace.Tracer

	applying sync.Mutex
	mu       sync.Mutex
	stopped  error
}

// between runs f while no batch is folded.
func (f *follower) between(run func()) {
	f.applying.Lock()
	defer f.applying.Unlock()
	run()
}

// apply gives a batch to every fold, the lineage last: its position says how far all of them are.
func (f *follower) apply(ctx context.Context, batch []eventlog.Recorded) error {
	ctx, span := f.tracer.Start(ctx, "fold events", trace.WithLinks(eventlog.Links(ctx, batch)...), trace.WithAttributes(attribute.String("chancery.service", f.service)))
	defer span.End()
	f.applying.Lock()
	defer f.applying.Unlock()
	for _, r := range batch {
		f.keyring.Apply(r.Sequence, r.Subject, r.Facts)
	}
	for _, fold := range f.folds {
		if err := fold(ctx, batch); err != nil {
			return err
		}
	}
	for _, r := range batch {
		if err := f.lineage.Apply(r.Sequence, r.Time, r.Envelope, []proto.Message(r.Facts)); err != nil {
			return err
		}
	}
	return nil
}

// run follows from where the folds are until ctx ends. A fact that cannot be folded stops it for good: deciding on a hole would admit what has
// ended.
func (f *follower) run(ctx context.Context, log *eventlog.Log) error {
	err := log.Follow(ctx, f.lineage.Position(), f.apply)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.mu.Lock()
	f.stopped = fmt.Errorf("the in-memory fold stopped after %d: %w", f.lineage.Position(), err)
	f.mu.Unlock()
	return f.health()
}

func (f *follower) health() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped
}
