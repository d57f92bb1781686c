package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// Runner keeps a service's views and runs its policies. Several instances may run against one database: they race for
// each batch, and the loser goes on from the winner's checkpoint.
type Runner struct {
	// Name tells checkpoints apart where one service follows several streams; empty means EVENTS.
	Name     string
	DB       *sqlx.DB
	Follow   Source
	Views    []View
	Policies []Policy
	// Service is who the policies act as.
	Service string
	Logger  *slog.Logger
	Tracer  trace.Tracer

	mu       sync.Mutex
	prepared bool
	at       uint64
	unknown  uint64
	stopped  error
	moved    chan struct{}
}

// Health is nil while the views follow; else why they stopped.
func (r *Runner) Health() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// Position is the checkpoint as this instance last saw it.
func (r *Runner) Position() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

// Prepared is true once every view has its tables and has reached the checkpoint the service last had.
func (r *Runner) Prepared() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.prepared
}

// Unknown counts facts of types this program does not know.
func (r *Runner) Unknown() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unknown
}

func (r *Runner) defaults() {
	if r.Name == "" {
		r.Name = "events"
	}
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	if r.Tracer == nil {
		r.Tracer = noop.NewTracerProvider().Tracer("")
	}
}

// Run prepares the views, follows and runs the policies until ctx ends. When a known fact cannot be applied the views
// stop where they are, Health says why, and Run returns that error: a view with a hole would be a lie. Losing the
// database or the log is waited out.
func (r *Runner) Run(ctx context.Context) error {
	r.defaults()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := r.retry(ctx, "prepare views", r.prepare); err != nil {
		return r.stop(err)
	}
	r.mu.Lock()
	r.prepared = true
	r.mu.Unlock()
	done := make(chan error, 2)
	loops := 1
	go func() { done <- r.retry(ctx, "views", r.project) }()
	if len(r.Policies) > 0 {
		loops++
		go func() { done <- r.retry(ctx, "policies", r.react) }()
	}
	err := <-done
	if ctx.Err() == nil {
		r.stop(err) // a stopped view must not keep policies from telling so, nor the other way round
	}
	cancel()
	for range loops - 1 {
		<-done
	}
	return err
}

func (r *Runner) stop(err error) error {
	r.mu.Lock()
	r.stopped = err
	r.mu.Unlock()
	return err
}

// retry repeats f while what failed is the way to the database or the log, not the facts.
func (r *Runner) retry(ctx context.Context, what string, f func(context.Context) error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		started := time.Now()
		err := f(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !r.passing(ctx, err) {
			r.Logger.ErrorContext(ctx, "stopped: "+what, "checkpoint", r.Name, "error", err)
			return err
		}
		if err == nil && what == "prepare views" {
			return nil
		}
		if time.Since(started) > 10*time.Second {
			wait = 50 * time.Millisecond
		}
		r.Logger.WarnContext(ctx, "interrupted: "+what, "checkpoint", r.Name, "error", err, "again_in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// passing is true for failures that waiting may heal.
func (r *Runner) passing(ctx context.Context, err error) bool {
	var pg *pq.Error
	switch {
	case err == nil, errors.Is(err, sql.ErrConnDone), errors.Is(err, eventlog.ErrUnavailable),
		errors.Is(err, eventlog.ErrOutcomeUnknown), errors.Is(err, eventlog.ErrBehind), errors.Is(err, eventlog.ErrConflict), errors.Is(err, errBusy):
		return true
	case errors.As(err, &pg):
		switch pg.Code.Class() {
		case "08", "40", "53", "55", "57", "58":
			return true
		}
		return false
	}
	// Whatever it was, if the database does not answer either, it is not the facts.
	ping, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return r.DB.PingContext(ping) != nil
}

// project follows from the checkpoint.
func (r *Runner) project(ctx context.Context) error {
	after, err := r.checkpoint(ctx)
	if err != nil {
		return err
	}
	r.reached(after)
	return r.Follow(ctx, after, func(ctx context.Context, batch []eventlog.Recorded) error { return r.apply(ctx, batch) })
}

func (r *Runner) checkpoint(ctx context.Context) (at uint64, err error) {
	err = r.DB.GetContext(ctx, &at, `select seq from projection_checkpoints where name=$1`, r.Name)
	return at, err
}

// apply writes one batch with its checkpoint; where another instance was first, what it left over.
func (r *Runner) apply(ctx context.Context, batch []eventlog.Recorded) error {
	last := batch[len(batch)-1].Sequence
	for {
		at := r.Position()
		if last <= at {
			return nil
		}
		rest := after(batch, at)
		won, err := r.write(ctx, rest, at, last)
		if err != nil {
			return err
		}
		if won {
			r.count(rest)
			r.reached(last)
			return nil
		}
		if at, err = r.checkpoint(ctx); err != nil {
			return err
		}
		r.reached(at)
	}
}

func after(batch []eventlog.Recorded, at uint64) []eventlog.Recorded {
	for i, rec := range batch {
		if rec.Sequence > at {
			return batch[i:]
		}
	}
	return nil
}

func (r *Runner) write(ctx context.Context, batch []eventlog.Recorded, old, last uint64) (won bool, err error) {
	links := make([]trace.Link, 0, min(len(batch), 64))
	for _, rec := range batch[:min(len(batch), 64)] {
		links = append(links, trace.LinkFromContext(rec.Trace(ctx)))
	}
	ctx, span := r.Tracer.Start(ctx, "project "+r.Name, trace.WithLinks(links...),
		trace.WithAttributes(attribute.Int("records", len(batch)), attribute.Int64("position", int64(last))))
	defer span.End()
	tx, err := r.DB.BeginTxx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }()
	// The row is locked first, so that a race is decided before any work is done twice.
	res, err := tx.ExecContext(ctx, `update projection_checkpoints set seq=$1, moved_at=now() where name=$2 and seq=$3`, last, r.Name, old)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return false, err
	}
	for _, v := range r.Views {
		if err := v.Apply(ctx, tx, batch); err != nil {
			return false, fmt.Errorf("view %s, positions %d to %d: %w", v.Name, batch[0].Sequence, last, err)
		}
	}
	return true, tx.Commit()
}

func (r *Runner) count(batch []eventlog.Recorded) {
	n := uint64(0)
	for _, rec := range batch {
		for _, f := range rec.Facts {
			if f == nil {
				n++
			}
		}
	}
	if n > 0 {
		r.mu.Lock()
		r.unknown += n
		r.mu.Unlock()
	}
}

func (r *Runner) reached(at uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at <= r.at {
		return
	}
	r.at = at
	if r.moved != nil {
		close(r.moved)
		r.moved = nil
	}
}
