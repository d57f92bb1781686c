package eventlog_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
)

// world is one kind of server that the contract must hold on.
type world struct {
	replicas int
	cluster  *embedded.Cluster
	single   *embedded.NATS
}

func (w world) url() string {
	if w.cluster != nil {
		return w.cluster.URL()
	}
	return w.single.URL()
}

// node is the address of one server.
func (w world) node() string {
	if w.cluster != nil {
		return w.cluster.Nodes[0].URL()
	}
	return w.single.URL()
}

func (w world) connect(t testing.TB) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(w.url(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func (w world) open(t testing.TB, nc *nats.Conn, timeout time.Duration) *eventlog.Log {
	t.Helper()
	return open(t, nc, eventlog.Options{Replicas: w.replicas, Timeout: timeout})
}

// TestContract holds on one node and on three.
func TestContract(t *testing.T) { // X3
	contract := []struct {
		name string
		test func(*testing.T, world)
	}{
		{"of 64 writers of one decision one wins", oneWins},
		{"64 commands on one aggregate all take their turn", allTakeTurns},
		{"a lost acknowledgement neither doubles nor loses", lostAck},
		{"a lost acknowledgement under a later decision", lostAckUnderLater},
		{"a message that arrives after the time-out", lateArrival},
		{"an outcome that stays unknown can be asked again", unknownThenAgain},
		{"faults at random", randomFaults},
		{"another's append is seen at once", cacheEndsAtTail},
	}
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("R%d", replicas), func(t *testing.T) {
			w := startWorld(t, replicas)
			for _, c := range contract {
				t.Run(c.name, func(t *testing.T) { c.test(t, w) })
			}
		})
	}
}

func startWorld(t *testing.T, replicas int) world {
	t.Helper()
	w := world{replicas: replicas}
	o := embedded.NATSOptions{Dir: t.TempDir(), Address: "127.0.0.1:0", Relaxed: true, MaxStore: 8 << 30}
	var err error
	if replicas == 1 {
		if w.single, err = embedded.StartNATS(within(t), o); err == nil {
			t.Cleanup(w.single.Stop)
		}
	} else if w.cluster, err = embedded.StartCluster(within(t), replicas, o); err == nil {
		t.Cleanup(w.cluster.Stop)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := eventlog.Provision(within(t), w.connect(t), eventlog.ProvisionOptions{Replicas: replicas}); err != nil {
		t.Fatal(err)
	}
	return w
}

// fresh is the id of an aggregate nobody has touched.
func fresh() string { return uuid.NewString() }

func subject(id string) string { return "events.issuance.signer." + id }

func oneWins(t *testing.T, w world) {
	ctx := within(t)
	logs := make([]*eventlog.Log, 4)
	for i := range logs {
		logs[i] = w.open(t, w.connect(t), 0)
	}
	id := fresh()
	var expected uint64
	for round := range 12 {
		var wg sync.WaitGroup
		results := make([]error, 64)
		positions := make([]uint64, 64)
		start := make(chan struct{})
		for i := range results {
			wg.Go(func() {
				<-start
				positions[i], results[i] = logs[i%len(logs)].Append(ctx, subject(id), expected, publish{fmt.Sprint(i)}.fact())
			})
		}
		close(start)
		wg.Wait()
		winner := -1
		for i, err := range results {
			switch {
			case err == nil && winner >= 0:
				t.Fatalf("round %d: %d and %d both won", round, winner, i)
			case err == nil:
				winner = i
			case !errors.Is(err, eventlog.ErrConflict):
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody won", round)
		}
		expected = positions[winner]
		if s, at, err := signers(logs[0]).LoadLeader(ctx, id); err != nil || at != expected || s.KeyID != fmt.Sprint(winner) || s.Published != round+1 {
			t.Fatalf("round %d: %+v at %d, expected %d by %d: %v", round, s, at, expected, winner, err)
		}
	}
}

func allTakeTurns(t *testing.T, w world) {
	ctx := within(t)
	l := w.open(t, w.connect(t), patience)
	id := fresh()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			if _, err := signers(l).Handle(ctx, id, publish{fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s, _, err := signers(l).LoadLeader(ctx, id); err != nil || s.Published != 64 {
		t.Fatalf("%+v %v", s, err)
	}
}

func cacheEndsAtTail(t *testing.T, w world) {
	ctx := within(t)
	one, other := w.open(t, w.connect(t), 0), w.open(t, w.connect(t), 0)
	id := fresh()
	for i := range 50 {
		writer, reader := one, other
		if i%2 == 0 {
			writer, reader = other, one
		}
		if _, err := signers(writer).Handle(ctx, id, publish{fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		if s, _, err := signers(reader).LoadLeader(ctx, id); err != nil || s.Published != i+1 || s.KeyID != fmt.Sprint(i) {
			t.Fatalf("%+v after %d: %v", s, i+1, err)
		}
	}
	if _, err := signers(one).Handle(ctx, id, withdraw{}); err != nil {
		t.Fatal(err)
	}
	if _, err := signers(other).Handle(ctx, id, publish{"x"}); !errors.Is(err, errWithdrawn) {
		t.Fatalf("an old state was used: %v", err)
	}
}
