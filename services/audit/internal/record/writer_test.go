package record

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/testkit"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// TestMain is a writer where the environment says so: a process of its own, which a test kills.
func TestMain(m *testing.M) {
	url := os.Getenv("RECORD_TEST_WRITER")
	if url == "" {
		os.Exit(m.Run())
	}
	ctx := context.Background()
	nc, err := nats.Connect(url)
	if err != nil {
		panic(err)
	}
	log, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "audit"})
	if err != nil {
		panic(err)
	}
	stream, err := Open(ctx, nc)
	if err != nil {
		panic(err)
	}
	w := &Writer{Stream: stream, Log: log, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Tracer: noop.NewTracerProvider().Tracer("")}
	_ = w.Run(ctx)
}

type world struct {
	*testing.T
	url    string
	log    *eventlog.Log
	stream *Stream
	wanted map[Cursor]bool
	random *rand.Rand
}

func newWorld(t *testing.T) *world {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server := testkit.NATSServer(t, embedded.NATSOptions{Address: "127.0.0.1:0", Relaxed: true})
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if err := eventlog.Provision(ctx, nc, eventlog.ProvisionOptions{Services: []string{"registry", "audit"}}); err != nil {
		t.Fatal(err)
	}
	if err := eventlog.ProvisionStreams(ctx, nc, eventlog.AuditStream(Shard, 1)); err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "registry"})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := Open(ctx, nc)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return &world{t, server.URL(), log, stream, map[Cursor]bool{}, rand.New(rand.NewPCG(seed, 1))}
}

func (w *world) writer() *exec.Cmd {
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), "RECORD_TEST_WRITER="+w.url)
	if err := c.Start(); err != nil {
		w.Fatal(err)
	}
	return c
}

// fill appends decisions of one to four facts and observations that rest on them.
func (w *world) fill(n int) (events, observations int) {
	ctx := eventlog.WithMeta(context.Background(), eventlog.Meta{Actor: &eventv1.Actor{Id: "x", Kind: "service"}})
	for i := range n {
		var facts []aggregate.Event
		for j := range 1 + w.random.IntN(4) {
			facts = append(facts, &registryv1.ApplicationSuspended{Reason: fmt.Sprint(i, j)})
		}
		at, err := w.log.Append(ctx, "events.registry.application."+uuid.NewString(), 0, facts...)
		if err != nil {
			w.Fatal(err)
		}
		events += len(facts)
		if i%3 == 0 {
			seen := eventlog.WithMeta(ctx, eventlog.Meta{Seen: at})
			if err := w.log.Observe(seen, "access", &activityv1.StepUpSucceeded{}); err != nil {
				w.Fatal(err)
			}
			observations++
		}
	}
	return events, observations
}

// recorded reads the records until n are there and checks their order.
func (w *world) recorded(n int) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var events, activity Cursor
	count, open := 0, false
	err := w.stream.Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			_, rec, err := Recorded(r.Sequence, r.Raw)
			if err != nil {
				return err
			}
			at := Cursor{rec.Sequence, rec.Part, rec.Index}
			last := &activity
			if rec.Stream == "EVENTS" {
				last = &events
			}
			switch {
			case !last.before(at):
				w.Errorf("record %d: %s of %s after %s", r.Sequence, at, rec.Stream, *last)
			case rec.Index > 0 && (at.Sequence != last.Sequence || at.Index != last.Index+1 || !open):
				w.Errorf("record %d: %s of %s is not next to %s", r.Sequence, at, rec.Stream, *last)
			case rec.Index == 0 && rec.Stream == "EVENTS" && at.Sequence != last.Sequence+1:
				w.Errorf("record %d: %s of EVENTS after %s", r.Sequence, at, *last)
			case rec.Stream == "ACTIVITY" && rec.Envelope.Seen > events.Sequence:
				w.Errorf("record %d rests on %d, recorded is %d", r.Sequence, rec.Envelope.Seen, events.Sequence)
			}
			*last, open = at, true
			count++
		}
		if count >= n {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil || count != n {
		w.Fatalf("%d records of %d: %v", count, n, err)
	}
}

func TestKilledWritersNeitherLoseNorDoubleNorReorder(t *testing.T) { // L4, H4
	w := newWorld(t)
	two := []*exec.Cmd{w.writer(), w.writer()}
	defer func() {
		for _, c := range two {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}()
	rounds, total := 20, 0
	for range rounds {
		events, observations := w.fill(10 + w.random.IntN(60))
		total += events + observations
		victim := w.random.IntN(2)
		_ = two[victim].Process.Kill() // SIGKILL
		_ = two[victim].Wait()
		two[victim] = w.writer()
	}
	w.recorded(total)
}

func TestAnImpossibleClaimHoldsNothingBack(t *testing.T) {
	w := newWorld(t)
	c := w.writer()
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	events, observations := w.fill(5)
	beyond := eventlog.WithMeta(context.Background(), eventlog.Meta{Actor: &eventv1.Actor{Id: "x", Kind: "service"}, Seen: 1 << 40})
	if err := w.log.Observe(beyond, "access", &activityv1.StepUpSucceeded{}); err != nil {
		t.Fatal(err)
	}
	more, others := w.fill(5)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	want := uint64(events + observations + 1 + more + others)
	for {
		at, err := w.stream.Last(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if at.Records == want {
			return
		}
	}
}

func TestAComparisonNamesWhatIsMissingAndWhatIsForged(t *testing.T) { // L4
	w := newWorld(t)
	events, observations := w.fill(20)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tail, err := w.log.Tail(ctx)
	if err != nil {
		t.Fatal(err)
	}
	compare := func(to, waiting uint64) (wrong []string) {
		t.Helper()
		n, err := Compare(ctx, w.stream, to, []Source{{"EVENTS", w.log.Follow, tail}, {"ACTIVITY", w.log.FollowActivity, uint64(observations)}},
			func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) })
		if err != nil || n.Waiting != waiting {
			t.Fatalf("%d wait of %d: %v", n.Waiting, waiting, err)
		}
		return wrong
	}
	if wrong := compare(0, uint64(events+observations)); len(wrong) != 0 {
		t.Fatalf("%v", wrong)
	}
	var all []eventlog.Recorded
	if err := w.log.Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		if all = append(all, batch...); all[len(all)-1].Sequence < tail {
			return nil
		}
		return eventlog.ErrStop
	}); err != nil {
		t.Fatal(err)
	}
	forged := all[0]
	forged.Envelope = proto.CloneOf(all[0].Envelope)
	forged.Envelope.Actor = &eventv1.Actor{Id: "somebody else"}
	last := all[len(all)-1]
	for _, r := range []eventlog.Recorded{forged, last} {
		i := 0
		if r.Sequence == last.Sequence {
			i = len(last.Envelope.Facts) - 1
		}
		if _, err := w.stream.js.Publish(ctx, w.stream.subject, encode("EVENTS", r, i)); err != nil {
			t.Fatal(err)
		}
	}
	wrong := compare(2, uint64(observations))
	if len(wrong) != 1+events-2 || !strings.Contains(wrong[0], "says something else") || !strings.Contains(wrong[1], "is not recorded") {
		t.Fatalf("%d differences: %v", len(wrong), wrong)
	}
}

func TestABatchEndsWhereADecisionEnds(t *testing.T) {
	of := func(sizes ...int) (ready []entry) {
		for _, n := range sizes {
			for i := range n {
				ready = append(ready, entry{last: i == n-1})
			}
		}
		return ready
	}
	many := make([]int, 400)
	for i := range many {
		many[i] = 3
	}
	for want, ready := range map[int][]entry{1: of(1, 3, 1), 3: of(3, 1), 999: of(many...), 45: of(45), 44: of(20, 24), 1000: of(1200, 1)} {
		if got := cut(ready); got != want {
			t.Errorf("%d of %d, want %d", got, len(ready), want)
		}
	}
}
