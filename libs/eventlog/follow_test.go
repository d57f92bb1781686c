package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/anypb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
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
	l, nc := one(t)
	ctx := within(t)
	enabled := &registryv1.ApplicationEnabled{Reason: "says issuance"}
	if _, err := l.Append(ctx, "events.issuance.application.a", 0, enabled); !errors.Is(err, eventlog.ErrForbidden) {
		t.Fatalf("got %v", err)
	}
	// A service in wrong hands asks no library.
	tell := func(kind, id string, facts ...aggregate.Event) {
		t.Helper()
		raw(t, nc, "events.issuance."+kind+"."+id, bytesOf(t, func(e *eventv1.Envelope) {
			e.Subject, e.Facts = &eventv1.Subject{Kind: "credential", Id: id}, nil
			for _, f := range facts {
				packed, err := anypb.New(f)
				if err != nil {
					t.Fatal(err)
				}
				e.Facts = append(e.Facts, packed)
			}
		}))
	}
	revoked := &issuancev1.CredentialRevoked{Reason: "its own"}
	tell("credential", "a", enabled)
	tell("credential", "b", revoked, enabled)
	tell("application", "c", revoked)
	tell("credential", "d", revoked)
	if _, _, err := signers(l).Load(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	credentials := eventlog.Repository[signer]{Log: l, Kind: "issuance.credential"}
	if _, _, err := credentials.Load(ctx, "b"); !errors.Is(err, eventlog.ErrCorrupt) {
		t.Fatalf("got %v", err)
	}
	forged, seen := []bool{true, true, true, false}, 0
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
