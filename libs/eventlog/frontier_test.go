package eventlog_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// fold is a frontier under the test's control.
type fold struct{ at atomic.Uint64 }

func (f *fold) Position() uint64 { return f.at.Load() }

func (f *fold) WaitFor(ctx context.Context, position uint64) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for f.at.Load() < position {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

func TestADecisionRestsOnAFoldThatReachedWhatItMust(t *testing.T) {
	nc := connect(t, startOne(t))
	provision(t, nc)
	f := &fold{}
	l := open(t, nc, eventlog.Options{Frontier: f, Timeout: 300 * time.Millisecond})
	plain := open(t, nc, eventlog.Options{})
	ctx := within(t)
	for range 5 {
		if _, err := signers(plain).Handle(ctx, "a", publish{"x"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := signers(l).Handle(ctx, "a", publish{"x"}); !errors.Is(err, eventlog.ErrBehind) {
		t.Fatalf("behind the tail: %v", err)
	}
	f.at.Store(5)
	if _, err := signers(l).Handle(eventlog.WithMeta(ctx, eventlog.Meta{Shown: 6}), "a", publish{"x"}); !errors.Is(err, eventlog.ErrBehind) {
		t.Fatalf("behind what was shown: %v", err)
	}
	if _, err := signers(l).Handle(eventlog.WithMeta(ctx, eventlog.Meta{Seen: 4}), "a", publish{"x"}); !errors.Is(err, eventlog.ErrBehind) {
		t.Fatalf("a policy behind the tail: %v", err)
	}
	out, err := signers(l).Handle(eventlog.WithMeta(ctx, eventlog.Meta{Shown: 5}), "a", publish{"x"})
	if err != nil {
		t.Fatal(err)
	}
	// The fold moves on while the decision waits; what it says is where it was.
	go f.at.Store(9)
	next, err := signers(l).Handle(ctx, "a", publish{"y"})
	if err != nil {
		t.Fatal(err)
	}
	build := func(seen uint64) func(context.Context, uint64) (cmd publishCommand, _ uint64, err error) {
		return func(_ context.Context, tail uint64) (publishCommand, uint64, error) {
			if tail != next.Position {
				t.Errorf("built at %d, expected %d", tail, next.Position)
			}
			return publish{"z"}, seen, nil
		}
	}
	if _, err := signers(l).HandleWith(ctx, "a", build(next.Position-1)); !errors.Is(err, eventlog.ErrBehind) {
		t.Fatalf("rows behind the tail: %v", err)
	}
	last, err := signers(l).HandleWith(ctx, "a", build(next.Position+30))
	if err != nil {
		t.Fatal(err)
	}
	for position, want := range map[uint64]uint64{out.Position: 5, next.Position: 9, last.Position: next.Position + 30} {
		r, err := l.Get(ctx, position)
		if err != nil || r.Envelope.GetSeen() != want {
			t.Errorf("#%d saw %d, expected %d: %v", position, r.Envelope.GetSeen(), want, err)
		}
	}
	if err := l.Observe(ctx, "x", publish{"x"}.fact()); err != nil {
		t.Fatal(err)
	}
}
