package projection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// withdrawn is an aggregate that withdraws every key once.
type withdrawn struct{ times int }

func (s withdrawn) Evolve(aggregate.Event) withdrawn { return withdrawn{s.times + 1} }

type withdraw struct{ key string }

func (c withdraw) Decide(withdrawn) ([]aggregate.Event, error) {
	return []aggregate.Event{&eventv1.SignerKeyWithdrawn{Service: "issuance", KeyId: c.key}}, nil
}

// answer withdraws, in an aggregate of the key's name, every key that is published.
func (w *world) answer(name string, calls *atomic.Int64) projection.Policy {
	keys := eventlog.Repository[withdrawn]{Log: w.log, Kind: "issuance." + name}
	return projection.On(name, func(ctx context.Context, r eventlog.Recorded, i int, fact *eventv1.SignerKeyPublished) error {
		calls.Add(1)
		_, err := keys.Handle(ctx, fact.KeyId, withdraw{fact.KeyId})
		return err
	})
}

// answers are the decisions stored on aggregates of the policy's name.
func (w *world) answers(name string) (found []eventlog.Recorded) {
	w.t.Helper()
	tail, err := w.log.Tail(w.ctx)
	if err != nil || tail == 0 {
		w.t.Fatal(tail, err)
	}
	err = w.log.Follow(w.ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			if r.Envelope.GetSubject().GetKind() == name {
				found = append(found, r)
			}
		}
		if batch[len(batch)-1].Sequence >= tail {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func TestAPolicyAnswersEachFactOnceWhateverIsRepeated(t *testing.T) {
	w := newWorld(t)
	const facts = 200
	var calls atomic.Int64
	instance := func() *projection.Runner {
		r := w.runner(keys)
		r.Policies = []projection.Policy{w.answer("reply", &calls)}
		return r
	}
	running := []func() error{w.start(instance()), w.start(instance())}
	for n := range facts {
		w.publish("identity")
		if n%50 == 49 { // whoever leads, the other takes over
			i := n / 50 % 2
			_ = running[i]()
			running[i] = w.start(instance())
		}
	}
	w.until("all answered", func() bool { return len(w.answers("reply")) >= facts })
	for _, stop := range running {
		_ = stop()
	}
	// As after a crash that lost the position: all of it from zero.
	if _, err := w.db.ExecContext(w.ctx, `update projection_policies set seq=0`); err != nil {
		t.Fatal(err)
	}
	calls.Store(0)
	w.start(instance())
	w.until("shown everything again", func() bool { return calls.Load() == facts })
	got := w.answers("reply")
	if len(got) != facts {
		t.Fatalf("%d answers to %d facts", len(got), facts)
	}
	causes := map[string]bool{}
	for _, r := range got {
		e := r.Envelope
		if causes[e.GetCausationId()] || e.GetCommandId() != projection.CommandID("reply", e.GetCausationId()) {
			t.Fatalf("cause %s, command %s", e.GetCausationId(), e.GetCommandId())
		}
		causes[e.GetCausationId()] = true
		if e.GetActor().GetId() != "issuance.reply" || e.GetActor().GetKind() != "service" {
			t.Fatalf("actor %v", e.GetActor())
		}
	}
}

// What a policy decides has seen all the views had when it began to look, and the fact it answers at the least.
func TestAPolicyHasSeenTheViewsItReads(t *testing.T) {
	w := newWorld(t)
	r := w.runner(keys)
	var late atomic.Bool
	var mu sync.Mutex
	least := map[string]uint64{}
	r.Policies = []projection.Policy{projection.On("look", func(ctx context.Context, rec eventlog.Recorded, i int, _ *eventv1.SignerKeyPublished) error {
		m := eventlog.MetaFrom(ctx)
		mu.Lock()
		defer mu.Unlock()
		least[m.CausationID] = m.Seen
		if m.Seen < rec.Sequence || m.Seen > r.Position() || w.count(`select count(*) from keys where position<=$1`, m.Seen) != int(m.Seen) {
			late.Store(true)
		}
		return nil
	})}
	w.start(r)
	for range 100 {
		w.publish("identity")
	}
	w.until("all seen", func() bool { mu.Lock(); defer mu.Unlock(); return len(least) == 100 })
	if late.Load() {
		t.Error("a policy claimed to have seen what the views had not")
	}
}

func TestAPolicyThatFailsIsRepeatedAndHoldsUpNobodyElse(t *testing.T) {
	w := newWorld(t)
	r := w.runner(keys)
	var calls atomic.Int64
	var broken atomic.Bool
	broken.Store(true)
	var order []uint64
	r.Policies = []projection.Policy{
		{Name: "broken", On: func(_ context.Context, rec eventlog.Recorded, _ int, _ aggregate.Event) error {
			if broken.Load() {
				if rec.Sequence%2 == 0 {
					panic("unforeseen")
				}
				return errors.New("not now")
			}
			order = append(order, rec.Sequence)
			return nil
		}},
		projection.On("sound", func(context.Context, eventlog.Recorded, int, *eventv1.SignerKeyPublished) error {
			calls.Add(1)
			return nil
		}),
	}
	stop := w.start(r)
	for range 5 {
		w.publish("identity")
	}
	w.reach(5)
	w.until("the sound one is done", func() bool { return calls.Load() == 5 })
	w.until("the broken one is told of", func() bool { err := r.Health(); return err != nil && r.Prepared() })
	broken.Store(false)
	w.until("healthy", func() bool { return r.Health() == nil })
	w.until("position stored", func() bool { return w.count(`select min(seq) from projection_policies`) == 5 })
	_ = stop()
	if fmt.Sprint(order) != "[1 2 3 4 5]" {
		t.Errorf("order %v", order)
	}
}

func TestOneTraceLeadsFromTheRequestToTheBatchAndThePolicy(t *testing.T) {
	w := newWorld(t)
	spans := tracetest.NewSpanRecorder()
	tracer := trace.NewTracerProvider(trace.WithSpanProcessor(spans)).Tracer("test")
	r := w.runner(keys)
	r.Tracer = tracer
	done := make(chan struct{}, 1)
	r.Policies = []projection.Policy{projection.On("trace", func(context.Context, eventlog.Recorded, int, *eventv1.SignerKeyPublished) error {
		done <- struct{}{}
		return nil
	})}
	stop := w.start(r)
	plain := w.ctx
	ctx, request := tracer.Start(plain, "request")
	w.ctx = ctx
	w.publish("identity")
	w.ctx = plain
	request.End()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("not shown")
	}
	_ = stop()
	trail := request.SpanContext().TraceID()
	var linked, continued bool
	for _, s := range spans.Ended() {
		switch s.Name() {
		case "project events":
			for _, l := range s.Links() {
				linked = linked || l.SpanContext.TraceID() == trail
			}
		case "policy trace":
			continued = s.SpanContext().TraceID() == trail && s.Parent().SpanID() == request.SpanContext().SpanID()
		}
	}
	if !linked || !continued {
		t.Errorf("linked %v, continued %v", linked, continued)
	}
}

func TestPoliciesWaitForTheTablesOfTheFirstStart(t *testing.T) {
	w := newWorld(t)
	var said bytes.Buffer
	var calls atomic.Int64
	r := w.runner(keys)
	r.Policies = []projection.Policy{w.answer("reply", &calls)}
	r.Logger = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn}))
	stop := w.start(r)
	w.publish("identity")
	w.until("answered", func() bool { return calls.Load() > 0 })
	_ = stop()
	if said.Len() > 0 {
		t.Errorf("a first start complains: %s", said.String())
	}
}
