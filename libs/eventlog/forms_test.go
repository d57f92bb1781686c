package eventlog_test

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// golden is an envelope with every field set.
func golden(t testing.TB) *eventv1.Envelope {
	t.Helper()
	fact, err := anypb.New(&eventv1.SignerKeyPublished{Service: "issuance", KeyId: "kid", Jwk: []byte("{}"), NotAfter: timestamppb.New(time.Unix(1_800_000_000, 5))})
	if err != nil {
		t.Fatal(err)
	}
	actor := &eventv1.Actor{Id: "actor", Kind: "person", Session: "session"}
	return &eventv1.Envelope{
		EventId: "019aa6c2-7d1e-7c54-9b0a-5f6e0c1d2e3f", CommandId: "019aa6c2-7d1e-7c54-9b0a-5f6e0c1d2e40",
		RecordedAt: timestamppb.New(time.Unix(1_790_000_000, 123_456_789)), Actor: actor,
		Subject: &eventv1.Subject{Kind: "signer", Id: "kid", Person: "person"}, Organization: "org", OnBehalfOf: actor,
		Source:        &eventv1.Source{RequestId: "request"},
		Assurance:     &eventv1.Assurance{Acr: "mfa", Amr: []string{"pwd", "otp"}, AuthenticatedAt: timestamppb.New(time.Unix(1_790_000_000, 0))},
		CorrelationId: "correlation", CausationId: "causation", SchemaVersion: 1, Version: 3, Seen: 41, Earlier: []uint64{40, 7},
		Facts:  []*anypb.Any{fact},
		Sealed: []*eventv1.Sealed{{Fact: -1, KeyId: "issuance.trace.actor.00", Ciphertext: []byte{1, 2, 3}, Personal: eventv1.Personal_TRACE}},
	}
}

// TestEnvelopesKeepTheirBytes holds the stored form for ever: leaves are hashes of it.
func TestEnvelopesKeepTheirBytes(t *testing.T) {
	envelope := golden(t)
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := proto.MarshalOptions{Deterministic: true}.Marshal(&eventv1.Batch{Items: []*eventv1.Packed{
		{Envelope: raw, Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, {Envelope: raw}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"envelope.hex": raw, "batch.hex": batch} {
		path := filepath.Join("testdata", name)
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) && os.Getenv("GOLDEN") == "write" {
			if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, []byte(hex.EncodeToString(got)+"\n"), 0o644)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(got, want) {
			t.Errorf("%s: written now as\n%x, before as\n%x", name, got, want)
		}
	}
	text, err := os.ReadFile(filepath.Join("testdata", "envelope.hex"))
	if err != nil {
		t.Fatal(err)
	}
	old, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	read, facts, err := eventlog.DecodeEnvelope(old)
	if err != nil || len(facts) != 1 {
		t.Fatal(err)
	}
	if d := cmp.Diff(envelope, read, protocmp.Transform()); d != "" {
		t.Fatal(d)
	}
}

// raw publishes bytes as a service in wrong hands, or a newer one, would.
func raw(t testing.TB, nc *nats.Conn, subject string, body []byte) uint64 {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(within(t), subject, body)
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

func bytesOf(t testing.TB, change func(*eventv1.Envelope)) []byte {
	t.Helper()
	e := golden(t)
	e.Version, e.Earlier = 1, nil
	change(e)
	b, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAFactOfANewerVersionRefusesCommandsAndIsPassedOn(t *testing.T) {
	l, nc := one(t)
	ctx := within(t)
	raw(t, nc, subject("a"), bytesOf(t, func(e *eventv1.Envelope) {
		e.Subject.Id = "a"
		e.Facts = append(e.Facts, &anypb.Any{TypeUrl: "type.googleapis.com/issuance.v7.Foreseen", Value: []byte{8, 1}})
	}))
	if _, _, err := signers(l).Load(ctx, "a"); !errors.Is(err, eventlog.ErrUpgradeNeeded) {
		t.Errorf("load: %v", err)
	}
	if _, err := signers(l).Handle(ctx, "a", withdraw{}); !errors.Is(err, eventlog.ErrUpgradeNeeded) {
		t.Errorf("command: %v", err)
	}
	got := collect(t, l, 1)[0]
	if got.Known() || got.Facts[0] == nil || got.Facts[1] != nil || got.Envelope.GetFacts()[1].GetTypeUrl() != "type.googleapis.com/issuance.v7.Foreseen" {
		t.Errorf("followed as %v", got)
	}
}

func TestAChainWithAHoleIsNoState(t *testing.T) {
	nc := connect(t, startOne(t))
	provision(t, nc)
	l := open(t, nc, eventlog.Options{Timeout: time.Second})
	first := raw(t, nc, subject("other"), bytesOf(t, func(*eventv1.Envelope) {}))
	for name, change := range map[string]func(*eventv1.Envelope, uint64){
		"a version too far":             func(e *eventv1.Envelope, at uint64) { e.Version, e.Earlier = 3, []uint64{at} },
		"a version short":               func(e *eventv1.Envelope, at uint64) { e.Version, e.Earlier = 1, []uint64{at} },
		"no version":                    func(e *eventv1.Envelope, at uint64) { e.Version, e.Earlier = 0, []uint64{at} },
		"another's message before":      func(e *eventv1.Envelope, _ uint64) { e.Version, e.Earlier = 2, []uint64{first} },
		"a message that does not exist": func(e *eventv1.Envelope, _ uint64) { e.Version, e.Earlier = 2, []uint64{100_000} },
		"none before":                   func(e *eventv1.Envelope, _ uint64) { e.Version = 2 },
		"a distance of nothing":         func(e *eventv1.Envelope, at uint64) { e.Version, e.Earlier = 3, []uint64{at, 0} },
		"a distance beyond the start":   func(e *eventv1.Envelope, at uint64) { e.Version, e.Earlier = 3, []uint64{at, at} },
	} {
		id := fresh()
		at := raw(t, nc, subject(id), bytesOf(t, func(e *eventv1.Envelope) { e.Subject.Id = id }))
		raw(t, nc, subject(id), bytesOf(t, func(e *eventv1.Envelope) { e.Subject.Id = id; change(e, at) }))
		if s, _, err := signers(l).Load(within(t), id); !errors.Is(err, eventlog.ErrIncomplete) && !errors.Is(err, eventlog.ErrCorrupt) {
			t.Errorf("%s: %+v %v", name, s, err)
		}
		if _, err := l.Read(within(t), subject(id)); err == nil {
			t.Errorf("%s: read whole", name)
		}
	}
}

func TestAMessageThatCannotBeReadStopsTheFollower(t *testing.T) {
	for name, body := range map[string][]byte{
		"garbage":         []byte("{\"error\":\"an answer, not a fact\"}"),
		"nothing":         {},
		"no facts":        bytesOf(t, func(e *eventv1.Envelope) { e.Facts = nil }),
		"no id":           bytesOf(t, func(e *eventv1.Envelope) { e.EventId = "" }),
		"a broken fact":   bytesOf(t, func(e *eventv1.Envelope) { e.Facts[0].Value = []byte{255, 255} }),
		"a broken string": append(bytesOf(t, func(*eventv1.Envelope) {}), 0x0a, 2, 0xff, 0xfe),
	} {
		l, nc := one(t)
		raw(t, nc, subject("a"), bytesOf(t, func(*eventv1.Envelope) {}))
		raw(t, nc, subject("b"), body)
		raw(t, nc, subject("c"), bytesOf(t, func(*eventv1.Envelope) {}))
		applied := 0
		err := l.Follow(within(t), 0, func(_ context.Context, batch []eventlog.Recorded) error {
			applied += len(batch)
			return nil
		})
		if !errors.Is(err, eventlog.ErrCorrupt) || !strings.Contains(err.Error(), "events.issuance.signer.b #2") || applied != 1 {
			t.Errorf("%s: after %d: %v", name, applied, err)
		}
		raw(t, nc, "activity.issuance.x", body)
		if err := l.FollowActivity(within(t), 0, func(context.Context, []eventlog.Recorded) error { return nil }); !errors.Is(err, eventlog.ErrCorrupt) {
			t.Errorf("%s observed: %v", name, err)
		}
	}
}

func TestTheTraceOfARequestGoesOnBehindTheLog(t *testing.T) {
	l, _ := one(t)
	at := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3}, TraceFlags: trace.FlagsSampled})
	ctx := trace.ContextWithSpanContext(within(t), at)
	if _, err := signers(l).Handle(ctx, "a", publish{"x"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Observe(ctx, "x", publish{"x"}.fact()); err != nil {
		t.Fatal(err)
	}
	check := func(r eventlog.Recorded) {
		t.Helper()
		got := trace.SpanContextFromContext(r.Trace(context.Background()))
		if got.TraceID() != at.TraceID() || got.SpanID() != at.SpanID() || !got.IsRemote() {
			t.Errorf("%s continues %v", r.Subject, got)
		}
	}
	check(collect(t, l, 1)[0])
	read, err := l.Get(within(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	check(read)
	err = l.FollowActivity(within(t), 0, func(_ context.Context, batch []eventlog.Recorded) error {
		check(batch[0])
		return eventlog.ErrStop
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSubjectsOfOthersAndNoSubjectsAreRefused(t *testing.T) {
	l, _ := one(t)
	for _, bad := range []string{"", "events.issuance.signer", "events.issuance.signer.*", "events.issuance.signer.a.b", "activity.issuance.signer.a",
		"events.identity.person.a", "events.issuance.signer.>", "events.issuance..a", "events.issuance.signer.a b"} {
		if _, err := l.Append(within(t), bad, 0, publish{"x"}.fact()); err == nil {
			t.Errorf("appended to %q", bad)
		}
	}
	for _, id := range []string{"*", ">", "", "a.b"} {
		if _, err := signers(l).Handle(within(t), id, publish{"x"}); err == nil {
			t.Errorf("%q took a command", id)
		}
		if s, at, err := signers(l).Load(within(t), id); err != nil || at != 0 || s != (signer{}) {
			t.Errorf("%q loads as %+v at %d: %v", id, s, at, err)
		}
	}
	if _, err := l.Append(within(t), subject("a"), 0); err == nil {
		t.Error("a decision without facts was stored")
	}
	large := &eventv1.SignerKeyPublished{Jwk: make([]byte, 2<<20)}
	if _, err := l.Append(within(t), subject("a"), 0, large); !errors.Is(err, eventlog.ErrTooLarge) {
		t.Errorf("2 MiB: %v", err)
	}
	if err := l.Observe(within(t), "x", large); !errors.Is(err, eventlog.ErrTooLarge) {
		t.Errorf("2 MiB observed: %v", err)
	}
}

func FuzzDecodeEnvelope(f *testing.F) {
	f.Add(bytesOf(f, func(*eventv1.Envelope) {}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		envelope, facts, err := eventlog.DecodeEnvelope(b)
		if err == nil && (envelope.GetEventId() == "" || len(facts) == 0 || len(facts) != len(envelope.GetFacts())) {
			t.Fatalf("read as %v", envelope)
		}
		if err != nil && !errors.Is(err, eventlog.ErrCorrupt) {
			t.Fatal(err)
		}
	})
}

func FuzzDecodeBatch(f *testing.F) {
	one, err := proto.Marshal(&eventv1.Batch{Items: []*eventv1.Packed{{Envelope: bytesOf(f, func(*eventv1.Envelope) {})}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := eventlog.DecodeBatch(b)
		if err == nil && len(records) == 0 {
			t.Fatal("an empty batch was read")
		}
		for i, r := range records {
			if r.Index != i || r.Envelope.GetEventId() == "" {
				t.Fatalf("%d: %v", i, r)
			}
		}
	})
}

func FuzzEarlier(f *testing.F) {
	f.Add(uint64(40), uint64(7), uint64(1))
	f.Fuzz(func(t *testing.T, a, b, c uint64) {
		sequences, err := eventlog.Earlier(&eventv1.Envelope{Earlier: []uint64{a, b, c}})
		if err != nil {
			return
		}
		for i := 1; i < len(sequences); i++ {
			if sequences[i] >= sequences[i-1] || sequences[i] == 0 {
				t.Fatal(sequences)
			}
		}
	})
}
