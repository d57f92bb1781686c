package deadline

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// Due is one moment that has come.
type Due struct {
	Kind string
	ID   string
	// At is when it is due.
	At time.Time
	// Before is how long before At this notice stands; 0 is the due time itself.
	Before time.Duration
}

// commands is the namespace of the command ids the engine gives.
var commands = uuid.MustParse("0f3a7c51-6d0e-4c0b-9f0e-8b1f4a6f2f6d")

// CommandID is the id of what answers this moment: the same however often the engine comes to it.
func (d Due) CommandID() string {
	return uuid.NewSHA1(commands, fmt.Appendf(nil, "%s\x00%s\x00%d\x00%d", d.Kind, d.ID, d.At.UnixMicro(), d.Before)).String()
}

// Engine turns the due times of a database's deadlines view into calls of Act, in one instance at a time.
type Engine struct {
	DB *sqlx.DB
	// Act answers one moment, usually by a command on the aggregate, which knows better than the view whether the moment
	// has come: where the aggregate has nothing to do any more, Act returns nil. ctx carries the meta of what it does,
	// with the moment's own command id, so that coming to it again after a crash changes nothing. Calls are concurrent.
	// What fails is tried again within half a minute and holds up no other.
	Act func(ctx context.Context, d Due) error
	// Before names, by kind, how long before the due time Act is also called, for notices. A notice whose moment had
	// passed when the due time was set, or whose due time has passed, is left out.
	Before map[string][]time.Duration
	// Clock is time.Now if nil.
	Clock func() time.Time
	// Every is how often Run looks; 0 is half a second.
	Every time.Duration
	// Service is who acts.
	Service string
	Logger  *slog.Logger
	Tracer  trace.Tracer

	mu      sync.Mutex
	failing error
}

const (
	page       = 500
	atOnce     = 8
	tidying    = 10 * time.Minute
	halfSecond = 500 * time.Millisecond
	// lately is more than a view is ever behind while its service is healthy.
	lately = 5 * time.Minute
	wholly = 20 * time.Second
)

// Health is nil unless something that was due at the last look could not be done; then it is the last such failure.
func (e *Engine) Health() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failing
}

// Run looks again and again until ctx ends. A lost database is waited out.
func (e *Engine) Run(ctx context.Context) error {
	every := e.Every
	if every == 0 {
		every = halfSecond
	}
	for {
		err := projection.Alone(ctx, e.DB, "deadlines", func(ctx context.Context) error { return e.run(ctx, every) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			e.logger().WarnContext(ctx, "deadlines interrupted", "error", err)
		}
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (e *Engine) run(ctx context.Context, every time.Duration) error {
	var whole, tidied time.Time
	for {
		// Between looks at everything, which also come to what failed, it is enough to look at what just came due.
		since := lately
		if time.Since(whole) > wholly {
			since, whole = 0, time.Now()
		}
		if err := e.look(ctx, since); err != nil {
			return err
		}
		if time.Since(tidied) > tidying {
			if err := e.tidy(ctx); err != nil {
				return err
			}
			tidied = time.Now()
		}
		if err := wait(ctx, every); err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Tick calls Act for everything that is due now and not done yet. Failures of Act do not end it; its own error is that of
// the database.
func (e *Engine) Tick(ctx context.Context) error { return e.look(ctx, 0) }

// look is Tick for what came due within the last while; 0 stands for ever.
func (e *Engine) look(ctx context.Context, lately time.Duration) error {
	if _, err := e.DB.ExecContext(ctx, marksSchema); err != nil {
		return err
	}
	now := e.now()
	since := time.Time{}
	if lately > 0 {
		since = now.Add(-lately)
	}
	var failed error
	for last := (come{}); ; {
		rows, err := e.due(ctx, since, now, last)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		last = rows[len(rows)-1]
		done, err := e.answer(ctx, rows)
		if err != nil {
			failed = err
		}
		if err := e.mark(ctx, done); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if failed != nil || lately == 0 {
		e.failing = failed
	}
	return nil
}

// answer calls Act for each, a few at once, and returns those that are done.
func (e *Engine) answer(ctx context.Context, rows []come) (done []come, failed error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, c := range rows {
		places <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-places }()
			err := e.act(ctx, c.moment())
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done = append(done, c)
			} else if ctx.Err() == nil {
				failed = err
			}
		})
	}
	all.Wait()
	return done, failed
}

func (e *Engine) act(ctx context.Context, d Due) (err error) {
	ctx, span := e.tracer().Start(ctx, "deadline "+d.Kind, trace.WithAttributes(attribute.String("chancery.service", e.Service),
		attribute.String("chancery.id", d.ID), attribute.String("chancery.due", d.At.UTC().Format(time.RFC3339Nano)), attribute.String("chancery.before", d.Before.String())))
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%s %s, due %s: %w", d.Kind, d.ID, d.At.UTC().Format(time.RFC3339), err)
			span.RecordError(err)
			span.SetStatus(codes.Error, "not done")
			e.logger().ErrorContext(ctx, "what is due could not be done and is tried again", "kind", d.Kind, "id", d.ID, "due_at", d.At, "error", err)
		}
		span.End()
	}()
	command := d.CommandID()
	return e.Act(eventlog.WithMeta(ctx, eventlog.Meta{
		CommandID: command, CorrelationID: command, Actor: &eventv1.Actor{Id: e.Service + ".deadline", Kind: "service"},
	}), d)
}

func (e *Engine) now() time.Time {
	if e.Clock == nil {
		return time.Now()
	}
	return e.Clock()
}

func (e *Engine) logger() *slog.Logger {
	if e.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Logger
}

func (e *Engine) tracer() trace.Tracer {
	if e.Tracer == nil {
		return noop.NewTracerProvider().Tracer("")
	}
	return e.Tracer
}
