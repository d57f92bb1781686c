package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
)

// follower folds what it is given and fails on anything but the next decision.
type follower struct {
	at   atomic.Uint64
	stop context.CancelFunc
	err  chan error
}

func follow(t *testing.T, l *eventlog.Log, after uint64) *follower {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	f := &follower{stop: stop, err: make(chan error, 1)}
	f.at.Store(after)
	go func() {
		f.err <- l.Follow(ctx, after, func(_ context.Context, batch []eventlog.Recorded) error {
			for _, r := range batch {
				if r.Sequence != f.at.Load()+1 {
					return fmt.Errorf("#%d after #%d", r.Sequence, f.at.Load())
				}
				f.at.Store(r.Sequence)
			}
			return nil
		})
	}()
	return f
}

// reach waits until the follower has applied position.
func (f *follower) reach(t *testing.T, position uint64) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx := within(t); f.at.Load() < position; {
		select {
		case err := <-f.err:
			t.Fatalf("stopped at %d: %v", f.at.Load(), err)
		case <-ctx.Done():
			t.Fatalf("at %d, never reached %d", f.at.Load(), position)
		case <-tick.C:
		}
	}
}

// end stops the follower and demands that nothing else had.
func (f *follower) end(t *testing.T) {
	t.Helper()
	f.stop()
	if err := <-f.err; !errors.Is(err, context.Canceled) {
		t.Errorf("ended by %v", err)
	}
}

func TestAFollowerGoesOnAfterCutsAndRestarts(t *testing.T) {
	dir := t.TempDir()
	o := embedded.NATSOptions{Dir: dir, Address: "127.0.0.1:0", MaxStore: 8 << 30}
	server, err := embedded.StartNATS(within(t), o)
	if err != nil {
		t.Fatal(err)
	}
	// Later starts are found at the same place.
	o.Address = server.URL()[len("nats://"):]
	stop := func() { server.Stop() }
	defer func() { stop() }()
	direct := connect(t, server)
	provision(t, direct)
	writer := open(t, direct, eventlog.Options{Timeout: patience})
	p := newProxy(t, server.URL())
	f := follow(t, open(t, p.connect(t), eventlog.Options{}), 0)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var last uint64
	for range 30 {
		for range random.IntN(20) {
			if last, err = writer.Append(within(t), subject(fresh()), 0, publish{"x"}.fact()); err != nil {
				t.Fatal(err)
			}
		}
		switch random.IntN(3) {
		case 0:
			p.cut()
		case 1:
			f.reach(t, last)
		}
	}
	f.reach(t, last)
	for range 2 {
		server.Stop()
		if server, err = embedded.StartNATS(within(t), o); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if last, err = writer.Append(within(t), subject(fresh()), 0, publish{"x"}.fact()); err != nil {
				t.Fatal(err)
			}
		}
		f.reach(t, last)
	}
	f.end(t)
}

func TestObservationsSurviveCuts(t *testing.T) {
	s := startOne(t)
	provision(t, connect(t, s))
	p := newProxy(t, s.URL())
	l := open(t, p.connect(t), eventlog.Options{Timeout: patience})
	stop := make(chan struct{})
	var chaos, writers sync.WaitGroup
	chaos.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(15 * time.Millisecond):
				p.cut()
			}
		}
	})
	var acknowledged sync.Map
	for w := range 16 {
		writers.Go(func() {
			for i := range 60 {
				id := fmt.Sprintf("%d-%d", w, i)
				if err := l.Observe(within(t), "sign_in", &activityv1.StepUpSucceeded{SessionId: id}); err == nil {
					acknowledged.Store(id, true)
				} else if !errors.Is(err, eventlog.ErrOutcomeUnknown) && !errors.Is(err, eventlog.ErrUnavailable) {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	chaos.Wait()
	events := map[string]string{}
	reader := open(t, connect(t, s), eventlog.Options{})
	js, err := jetstream.New(connect(t, s))
	if err != nil {
		t.Fatal(err)
	}
	activity, err := js.Stream(within(t), "ACTIVITY")
	if err != nil {
		t.Fatal(err)
	}
	last := activity.CachedInfo().State.LastSeq
	err = reader.FollowActivity(within(t), 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			id := r.Facts[0].(*activityv1.StepUpSucceeded).GetSessionId()
			if before, ok := events[id]; ok && before != r.Envelope.GetEventId() {
				t.Errorf("%s was stored under two ids", id)
			}
			events[id] = r.Envelope.GetEventId()
			acknowledged.Delete(id)
		}
		if batch[len(batch)-1].Sequence == last {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	acknowledged.Range(func(id, _ any) bool {
		t.Errorf("%v was acknowledged and is not there", id)
		return true
	})
	if len(events) < 900 {
		t.Errorf("only %d of 960 were stored", len(events))
	}
}

func TestThreeNodesLoseNothingWithTheirLeader(t *testing.T) { // X3
	w := startWorld(t, 3)
	reader := w.open(t, w.connect(t), 0)
	f := follow(t, reader, 0)
	js, err := jetstream.New(w.connect(t))
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	stop := make(chan struct{})
	var mu sync.Mutex
	acknowledged := map[string]uint64{}
	for range 6 {
		l := w.open(t, w.connect(t), patience)
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				command := uuid.NewString()
				ctx := eventlog.WithMeta(within(t), eventlog.Meta{CommandID: command})
				at, err := l.Append(ctx, subject(fresh()), 0, publish{"x"}.fact())
				if err == nil {
					mu.Lock()
					acknowledged[command] = at
					mu.Unlock()
				} else if !errors.Is(err, eventlog.ErrOutcomeUnknown) && !errors.Is(err, eventlog.ErrUnavailable) {
					t.Error(err)
				}
			}
		})
	}
	enough := func(n int) {
		t.Helper()
		for ctx := within(t); ; <-time.After(5 * time.Millisecond) {
			mu.Lock()
			have := len(acknowledged)
			mu.Unlock()
			if have >= n {
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("only %d of %d acknowledged", have, n)
			}
		}
	}
	for range 2 {
		mu.Lock()
		have := len(acknowledged)
		mu.Unlock()
		enough(have + 100)
		stream, err := js.Stream(within(t), "EVENTS")
		if err != nil {
			t.Fatal(err)
		}
		leader := -1
		for i := range w.cluster.Nodes {
			if stream.CachedInfo().Cluster.Leader == fmt.Sprintf("node-%d", i+1) {
				leader = i
			}
		}
		if leader < 0 {
			t.Fatalf("no leader in %+v", stream.CachedInfo().Cluster)
		}
		w.cluster.Nodes[leader].Stop()
		mu.Lock()
		have = len(acknowledged)
		mu.Unlock()
		enough(have + 100)
		if err := w.cluster.Start(within(t), leader); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	writers.Wait()
	tail, err := reader.Tail(within(t))
	if err != nil {
		t.Fatal(err)
	}
	f.reach(t, tail)
	f.end(t)
	at := map[string]uint64{}
	for _, r := range collect(t, reader, int(tail)) {
		if at[r.Envelope.GetCommandId()] != 0 {
			t.Errorf("command %s is stored twice", r.Envelope.GetCommandId())
		}
		at[r.Envelope.GetCommandId()] = r.Sequence
	}
	for command, position := range acknowledged {
		if at[command] != position {
			t.Errorf("command %s was answered %d and is at %d", command, position, at[command])
		}
	}
	t.Logf("%d acknowledged, %d stored", len(acknowledged), tail)
}

func TestAFullDiskIsSaidAndLosesNothing(t *testing.T) {
	s, err := embedded.StartNATS(within(t), embedded.NATSOptions{Dir: t.TempDir(), Address: "127.0.0.1:0", Relaxed: true, MaxStore: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	nc := connect(t, s)
	provision(t, nc)
	l := open(t, nc, eventlog.Options{Timeout: time.Second})
	stored := 0
	for ; ; stored++ {
		_, err := signers(l).Handle(within(t), "a", publish{strings.Repeat("x", 4000)})
		if errors.Is(err, eventlog.ErrUnavailable) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if s, _, err := signers(open(t, connect(t, s), eventlog.Options{})).LoadLeader(within(t), "a"); err != nil || s.Published != stored || stored < 10 {
		t.Fatalf("%d of %d decisions: %v", s.Published, stored, err)
	}
}
