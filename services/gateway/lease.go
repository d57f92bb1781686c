package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

const (
	// confirmEvery is how often an authorizer asks the leader how long the log is, and at least four times a lease.
	confirmEvery = 200 * time.Millisecond
	// confirmWithin bounds the question, and the wait until the fold is as long as the answer.
	confirmWithin = time.Second
)

var errStale = errors.New("it is not certain that the newest facts have arrived")

// lease is how long an authorizer may judge from memory: since it last knew that its fold held all that the log's leader
// held. It ends at once when the connection is lost, because somebody else may be connected again sooner.
type lease struct {
	tail   func(context.Context) (uint64, error)
	fold   *lineage.Fold
	life   time.Duration
	member *membership
	// grace is how long after the lease products of a class may be judged by what is known; none is 0.
	grace map[string]time.Duration
	// observe records that the lease had ended, once it is held again.
	observe func(ctx context.Context, kind string, facts ...proto.Message) error
	logger  *slog.Logger

	admitted atomic.Uint64 // in grace, since the lease ended

	until atomic.Int64 // nanoseconds after begun
	held  atomic.Int64 // nanoseconds after begun when the question was asked whose answer holds
	begun time.Time
	mu    sync.Mutex
	lost  uint64 // how often the connection was lost
}

func newLease(tail func(context.Context) (uint64, error), fold *lineage.Fold, life time.Duration, logger *slog.Logger) *lease {
	return &lease{tail: tail, fold: fold, life: life, observe: func(context.Context, string, ...proto.Message) error { return nil }, logger: logger, begun: time.Now()}
}

// fresh says whether a verdict may rest on the fold now.
func (l *lease) fresh() bool {
	return int64(time.Since(l.begun)) < l.until.Load() && l.member.holds()
}

// open says how long products of a class may still be judged by what was known when the lease ended; 0 for no longer.
func (l *lease) open(class string) time.Duration {
	held, grace := l.held.Load(), l.grace[class]
	if held == 0 || grace == 0 || class == "sensitive" || !l.member.holds() {
		return 0
	}
	return max(0, time.Duration(held)+l.life+grace-time.Since(l.begun))
}

// lenient is the verdict's grace, and counts what passes by it.
func (l *lease) lenient(class string) bool {
	if l.open(class) == 0 {
		return false
	}
	l.admitted.Add(1)
	return true
}

// age is how long ago it was last known that nothing newer was missing.
func (l *lease) age() time.Duration { return time.Since(l.begun) - time.Duration(l.held.Load()) }

// ready is nil while the lease is held.
func (l *lease) ready(context.Context) error {
	if err := l.member.ready(); err != nil {
		return err
	}
	if l.fresh() {
		return nil
	}
	// While some class may still be judged, whoever spreads calls by readiness must not take all authorizers away.
	for class := range l.grace {
		if l.open(class) > 0 {
			return nil
		}
	}
	return errStale
}

// run renews the lease until ctx ends.
func (l *lease) run(ctx context.Context, nc *nats.Conn) error {
	lost := nc.StatusChanged(nats.DISCONNECTED, nats.RECONNECTING, nats.CLOSED)
	defer nc.RemoveStatusListener(lost)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		for {
			select {
			case _, open := <-lost:
				if !open {
					return
				}
				l.lose()
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() { <-watching }()
	for stale := (time.Time{}); ; {
		if err := l.confirm(ctx); err != nil && ctx.Err() == nil {
			l.logger.DebugContext(ctx, "the log's length was not confirmed", "error", err)
		}
		stale = l.tell(ctx, stale)
		select {
		case <-time.After(min(confirmEvery, l.life/4)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell records when a lease is held again how long it was not; it gives since when it is not.
func (l *lease) tell(ctx context.Context, stale time.Time) time.Time {
	held := l.held.Load()
	switch fresh := l.fresh(); {
	case held == 0, fresh == stale.IsZero():
		return stale
	case !fresh:
		l.logger.WarnContext(ctx, "the lease ended: it is not certain that the newest facts have arrived", "held", l.age())
		return l.begun.Add(time.Duration(held))
	}
	fact := &activityv1.AuthorizerStale{Authorizer: l.member.name, From: timestamppb.New(stale), Until: timestamppb.Now(), Position: l.fold.Position(), Admitted: l.admitted.Swap(0)}
	l.logger.InfoContext(ctx, "the lease is held again", "since", stale, "admitted", fact.Admitted)
	meta := eventlog.Meta{Actor: &eventv1.Actor{Id: l.member.name, Kind: "service"}, Subject: &eventv1.Subject{Kind: "authorizer", Id: l.member.name}}
	go func() {
		if err := l.observe(eventlog.WithMeta(ctx, meta), "authorizer", fact); err != nil {
			l.logger.WarnContext(ctx, "that the lease had ended was not recorded", "error", err)
		}
	}()
	return time.Time{}
}

// status is what operators are told of it.
func (l *lease) status() map[string]any {
	classes := map[string]any{}
	for _, class := range []string{"public", "partner", "sensitive"} {
		judged, left := l.fresh(), 0.0
		if !judged {
			left = l.open(class).Seconds()
			judged = left > 0
		}
		classes[class] = map[string]any{"judged": judged, "grace_left_seconds": left, "grace_seconds": l.grace[class].Seconds()}
	}
	left := max(0, time.Duration(l.until.Load())-time.Since(l.begun)).Seconds()
	return map[string]any{"authorizer": l.member.name, "member": l.member.holds(), "fresh": l.fresh(), "lease_left_seconds": left, "lease_seconds": l.life.Seconds(),
		"confirmed_seconds_ago": l.age().Seconds(), "position": l.fold.Position(), "classes": classes}
}

func (l *lease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost++
	l.until.Store(0)
}

// confirm asks how long the log is and waits until the fold is as long; the lease then runs from before the question.
func (l *lease) confirm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, confirmWithin)
	defer cancel()
	l.mu.Lock()
	lost := l.lost
	l.mu.Unlock()
	asked := time.Since(l.begun)
	tail, err := l.tail(ctx)
	if err != nil {
		return err
	}
	if err := l.fold.WaitFor(ctx, tail); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == lost { // else the answer is of a connection that is gone
		l.held.Store(int64(asked))
		l.until.Store(int64(asked + l.life))
	}
	return nil
}
