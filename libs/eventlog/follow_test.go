package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

func TestFollowGivesEveryDecisionOnceInOrder(t *testing.T) {
	l, _ := one(t)
	ctx := within(t)
	const n = 2500
	for i := range n {
		if _, err := l.Append(ctx, fmt.Sprintf("events.issuance.signer.%d", i), 0, publish{"k"}.fact()); err != nil {
			t.Fatal(err)
		}
	}
	for _, after := range []uint64{0, 1, 2499} {
		next := after + 1
		err := l.Follow(ctx, after, func(_ context.Context, batch []eventlog.Recorded) error {
			for _, r := range batch {
				if r.Sequence != next {
					return fmt.Errorf("#%d, expected #%d", r.Sequence, next)
				}
				next++
			}
			if next == n+1 {
				return eventlog.ErrStop
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Follow(ctx, n+1, nil); !errors.Is(err, eventlog.ErrShorter) {
		t.Fatalf("got %v", err)
	}
	if tail, err := l.Tail(ctx); err != nil || tail != n {
		t.Fatalf("tail %d: %v", tail, err)
	}
}
