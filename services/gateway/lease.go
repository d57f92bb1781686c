package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/lineage"
)

const (
	// confirmEvery is how often an authorizer asks the leader how long the log is.
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
	logger *slog.Logger

	until atomic.Int64 // nanoseconds after begun
	held  atomic.Int64 // nanoseconds after begun when the question was asked whose answer holds
	begun time.Time
	mu    sync.Mutex
	lost  uint64 // how often the connection was lost
}

func newLease(tail func(context.Context) (uint64, error), fold *lineage.Fold, life time.Duration, logger *slog.Logger) *lease {
	return &lease{tail: tail, fold: fold, life: life, logger: logger, begun: time.Now()}
}

// fresh says whether a verdict may rest on the fold now.
func (l *lease) fresh() bool {
	return int64(time.Since(l.begun)) < l.until.Load() && l.member.holds()
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
	for {
		if err := l.confirm(ctx); err != nil && ctx.Err() == nil {
			l.logger.DebugContext(ctx, "the log's length was not confirmed", "error", err)
		}
		select {
		case <-time.After(confirmEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
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
