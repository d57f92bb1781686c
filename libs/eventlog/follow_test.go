package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
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

func TestAServiceIsNotHeardOnWhatIsAnothers(t *testing.T) { // X1
	l, _ := one(t)
	ctx := within(t)
	append := func(subject string, facts ...aggregate.Event) {
		t.Helper()
		if _, err := l.Append(ctx, subject, 0, facts...); err != nil {
			t.Fatal(err)
		}
	}
	append("events.issuance.application.a", &registryv1.ApplicationEnabled{Reason: "says issuance"})
	append("events.issuance.credential.c", &issuancev1.CredentialRevoked{Reason: "its own"}, &registryv1.ApplicationEnabled{})
	append("events.issuance.credential.d", &issuancev1.CredentialRevoked{Reason: "its own"})
	forged, seen := []bool{true, true, false}, 0
	err := l.Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			if r.Forged != forged[seen] || r.Forged != (len(r.Facts) == 0) || len(r.Envelope.GetFacts()) == 0 {
				return fmt.Errorf("#%d: forged %v, %d facts", r.Sequence, r.Forged, len(r.Facts))
			}
			seen++
		}
		if seen == len(forged) {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
