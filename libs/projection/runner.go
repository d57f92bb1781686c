package projection

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// events is the name of the checkpoint that positions are of.
const events = "events"

// Runner keeps a service's views and runs its policies. Several instances may run against one database: they race for
// each batch, and the loser goes on from the winner's checkpoint. One of them at a time runs the policies.
type Runner struct {
	// Name tells checkpoints apart where one service follows several streams; empty means EVENTS.
	Name   string
	DB     *sqlx.DB
	Follow Source
	// First is the oldest position of a stream from which messages age; nil for one that keeps all.
	First    func(ctx context.Context) (uint64, error)
	Views    []View
	Policies []Policy
	// Frontier is a fold in memory that the policies also look at; nil if there is none.
	Frontier eventlog.Frontier
	// Service is who the policies act as.
	Service string
	Logger  *slog.Logger
	Tracer  trace.Tracer

	once    sync.Once
	recent  recent
	adopted bool

	mu       sync.Mutex
	prepared bool
	at       uint64
	unknown  map[protoreflect.FullName]uint64
	stopped  error
	building error
	passed   error
	stuck    map[string]error
	moved    chan struct{}
}

// Failures of a runner.
var (
	// ErrSuperseded says that a newer version of the program has taken the views over; this one has to end.
	ErrSuperseded = errors.New("a newer version of the program keeps these views")
	// ErrRebuilding says that a view is being replayed: its rows are not complete yet.
	ErrRebuilding = errors.New("a view is being rebuilt")
)

// Stopped says which decision a view could not take. Everything before it was applied, nothing after it is.
type Stopped struct {
	View     string
	Sequence uint64
	Subject  string
	Err      error
}

func (s *Stopped) Error() string {
	return fmt.Sprintf("view %s cannot take #%d of %s and stops there: %v", s.View, s.Sequence, s.Subject, s.Err)
}

func (s *Stopped) Unwrap() error { return s.Err }

// Health is nil while the views are complete and follow and no policy is stuck; else what is the matter.
func (r *Runner) Health() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	matters := []error{r.stopped, r.building, r.passed}
	for _, p := range r.Policies {
		if err := r.stuck[p.Name]; err != nil {
			matters = append(matters, fmt.Errorf("policy %s: %w", p.Name, err))
		}
	}
	return errors.Join(matters...)
}

// Position is how far every view is complete, as this instance last saw it. It only goes back when a view is rebuilt.
func (r *Runner) Position() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

// Prepared is true while every view has its tables and has reached the checkpoint the service last had.
func (r *Runner) Prepared() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.prepared
}

// Ready is nil while every view has its tables and its rows.
func (r *Runner) Ready(context.Context) error {
	if !r.Prepared() {
		return ErrRebuilding
	}
	return r.Health()
}

// Unknown counts the facts of types this program does not know that this instance passed over.
func (r *Runner) Unknown() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var n uint64
	for _, of := range r.unknown {
		n += of
	}
	return n
}

func (r *Runner) defaults() {
	r.once.Do(func() {
		if r.Name == "" {
			r.Name = events
		}
		if r.Logger == nil {
			r.Logger = slog.New(slog.DiscardHandler)
		}
		if r.Tracer == nil {
			r.Tracer = noop.NewTracerProvider().Tracer("")
		}
	})
}

// fingerprint names the views and their versions; a checkpoint moves only under the fingerprint it stands under.
func (r *Runner) fingerprint() string {
	names := make([]string, len(r.Views))
	for i, v := range r.Views {
		names[i] = v.Name + "@" + strconv.Itoa(v.Version)
	}
	slices.Sort(names)
	return "views:" + strings.Join(names, ",")
}

// Run prepares the views, follows and runs the policies until ctx ends, with its error. When a known fact cannot be
// applied the views stop before it, Health says why, and Run returns a Stopped: a view with a hole would be a lie. Losing
// the database or the log is waited out. A policy that fails stops neither the views nor another policy.
func (r *Runner) Run(ctx context.Context) error {
	r.defaults()
	ctx, cancel := context.WithCancel(ctx)
	var policies sync.WaitGroup
	if len(r.Policies) > 0 {
		policies.Go(func() { r.lead(ctx) })
	}
	err := r.keep(ctx)
	if ctx.Err() == nil {
		r.mu.Lock()
		r.stopped = err
		r.mu.Unlock()
	}
	cancel()
	policies.Wait()
	return err
}

// keep prepares and follows, again and again while what failed is the way to the database or the log.
func (r *Runner) keep(ctx context.Context) error {
	b := backoff{limit: 5 * time.Second}
	for {
		err := r.prepare(ctx)
		if err == nil {
			r.interrupted(nil)
			b = backoff{limit: 5 * time.Second}
			err = r.project(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errChanged):
			r.Logger.InfoContext(ctx, "the views changed hands", "checkpoint", r.Name)
			continue
		case errors.Is(err, errBusy):
			b.limit = 200 * time.Millisecond
		case !r.passing(ctx, err):
			r.Logger.ErrorContext(ctx, "views stopped", "checkpoint", r.Name, "position", r.Position(), "error", err)
			return err
		default:
			r.Logger.WarnContext(ctx, "views interrupted", "checkpoint", r.Name, "error", err)
			r.interrupted(err)
		}
		if b.wait(ctx) != nil {
			return ctx.Err()
		}
	}
}

// backoff waits longer each time.
type backoff struct{ last, limit time.Duration }

func (b *backoff) wait(ctx context.Context) error {
	b.last = min(max(2*b.last, 20*time.Millisecond), b.limit)
	timer := time.NewTimer(b.last)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reached moves the position, back only when a view is being rebuilt.
func (r *Runner) reached(at uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = at
	if r.moved != nil {
		close(r.moved)
		r.moved = nil
	}
}

// interrupted keeps why the views wait.
func (r *Runner) interrupted(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passed = err
}

func (r *Runner) rebuilding(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.building, r.prepared = err, err == nil
}
