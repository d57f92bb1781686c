package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// signer is an aggregate of facts that every service has.
type signer struct {
	Published int
	Withdrawn bool
	KeyID     string
}

func (s signer) Evolve(e aggregate.Event) signer {
	switch e := e.(type) {
	case *eventv1.SignerKeyPublished:
		s.Published++
		s.KeyID = e.GetKeyId()
	case *eventv1.SignerKeyWithdrawn:
		s.Withdrawn = true
	}
	return s
}

func (s signer) OrganizationID() string { return "org-" + s.KeyID }

var errWithdrawn = errors.New("withdrawn")

type publish struct{ key string }

func (c publish) Decide(s signer) ([]aggregate.Event, error) {
	if s.Withdrawn {
		return nil, errWithdrawn
	}
	return []aggregate.Event{&eventv1.SignerKeyPublished{Service: "issuance", KeyId: c.key}}, nil
}

// publishCommand is what builds a command for signers.
type publishCommand = aggregate.Command[signer]

type withdraw struct{}

func (withdraw) Decide(s signer) ([]aggregate.Event, error) {
	if s.Withdrawn {
		return nil, nil
	}
	return []aggregate.Event{&eventv1.SignerKeyWithdrawn{KeyId: s.KeyID}}, nil
}

func signers(l *eventlog.Log) eventlog.Repository[signer] {
	return eventlog.Repository[signer]{Log: l, Kind: "issuance.signer"}
}

func TestAnAggregateLivesThroughItsCommands(t *testing.T) {
	l, nc := one(t)
	ctx := within(t)
	r := signers(l)
	if s, at, err := r.Load(ctx, "a"); err != nil || at != 0 || s != (signer{}) {
		t.Fatalf("an unknown aggregate loads as %v at %d: %v", s, at, err)
	}
	for i := range 200 {
		out, err := r.Handle(ctx, "a", publish{fmt.Sprint(i)})
		if err != nil || out.Position != uint64(i+1) || len(out.Facts) != 1 {
			t.Fatalf("%d: %+v %v", i, out, err)
		}
	}
	for name, log := range map[string]*eventlog.Log{"cached": l, "fresh": open(t, connectTo(t, nc), eventlog.Options{Cache: -1})} {
		s, at, err := signers(log).LoadLeader(ctx, "a")
		if err != nil || at != 200 || s.Published != 200 || s.KeyID != "199" {
			t.Fatalf("%s: %+v at %d: %v", name, s, at, err)
		}
	}
	records, err := l.Read(ctx, "events.issuance.signer.a")
	if err != nil || len(records) != 200 {
		t.Fatalf("%d records: %v", len(records), err)
	}
	last := records[199].Envelope
	if last.GetVersion() != 200 || len(last.GetEarlier()) != 64 || last.GetEarlier()[0] != 199 || last.GetEarlier()[1] != 1 ||
		last.GetOrganization() != "org-199" || last.GetSubject().GetId() != "a" || last.GetSubject().GetKind() != "signer" || last.GetSeen() != 199 {
		t.Fatalf("envelope %v", last)
	}
	if _, err := r.Handle(ctx, "a", withdraw{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Handle(ctx, "a", publish{"x"}); !errors.Is(err, errWithdrawn) {
		t.Fatalf("got %v", err)
	}
	out, err := r.Handle(ctx, "a", withdraw{})
	if err != nil || out.Position != 201 || out.Facts != nil {
		t.Fatalf("nothing to do: %+v %v", out, err)
	}
}

func TestARepeatedCommandAnswersWhatItLedTo(t *testing.T) {
	l, _ := one(t)
	ctx := eventlog.WithMeta(within(t), eventlog.Meta{CommandID: uuid.NewString()})
	first, err := signers(l).Handle(ctx, "a", publish{"1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signers(l).Handle(within(t), "a", publish{"2"}); err != nil {
		t.Fatal(err)
	}
	again, err := signers(l).Handle(ctx, "a", publish{"3"})
	if err != nil || !again.Repeated || again.Position != first.Position || again.Facts[0].(*eventv1.SignerKeyPublished).GetKeyId() != "1" {
		t.Fatalf("%+v %v", again, err)
	}
}

func TestANewAggregateIsNotLookedUpFirstAndStillNeverWrittenOver(t *testing.T) {
	l, _ := one(t)
	build := func(key string) func(context.Context, uint64) (publishCommand, uint64, error) {
		return func(_ context.Context, tail uint64) (publishCommand, uint64, error) { return publish{key}, tail, nil }
	}
	ctx := eventlog.WithMeta(within(t), eventlog.Meta{CommandID: uuid.NewString()})
	first, err := signers(l).HandleNew(ctx, "a", build("1"))
	if err != nil || first.Position != 1 || first.Repeated {
		t.Fatalf("%+v %v", first, err)
	}
	again, err := signers(l).HandleNew(ctx, "a", build("2"))
	if err != nil || !again.Repeated || again.Position != 1 || again.Facts[0].(*eventv1.SignerKeyPublished).GetKeyId() != "1" {
		t.Fatalf("a repeated command: %+v %v", again, err)
	}
	other, err := signers(l).HandleNew(within(t), "a", build("3"))
	if err != nil || other.Position != 2 {
		t.Fatalf("somebody else's aggregate after all: %+v %v", other, err)
	}
	if s, at, err := signers(l).Load(within(t), "a"); err != nil || at != 2 || s.Published != 2 {
		t.Fatalf("%+v at %d: %v", s, at, err)
	}
	if _, err := signers(l).Handle(within(t), "a", withdraw{}); err != nil {
		t.Fatal(err)
	}
	if _, err := signers(l).HandleNew(within(t), "a", build("4")); !errors.Is(err, errWithdrawn) {
		t.Fatalf("a rule that only the stored facts know: %v", err)
	}
}

func (c publish) fact() aggregate.Event {
	return &eventv1.SignerKeyPublished{Service: "issuance", KeyId: c.key}
}
