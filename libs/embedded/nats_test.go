package embedded_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-dev/chancery/libs/embedded"
)

func limit(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func stream(t testing.TB, nc *nats.Conn, replicas int) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx := limit(t)
	if _, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Replicas: replicas}); err != nil {
		t.Fatal(err)
	}
	return js
}

func TestNATSKeepsWhatItAcknowledgedAcrossAStop(t *testing.T) {
	ctx, dir := limit(t), t.TempDir()
	for want := uint64(1); want <= 2; want++ {
		n, err := embedded.StartNATS(ctx, embedded.NATSOptions{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if n.URL() != "" {
			t.Fatalf("listens on %s", n.URL())
		}
		nc, err := n.Connect()
		if err != nil {
			t.Fatal(err)
		}
		ack, err := stream(t, nc, 1).Publish(ctx, "s.a", []byte("x"))
		if err != nil || ack.Sequence != want {
			t.Fatalf("sequence %v, %v; want %d", ack, err, want)
		}
		if err := n.Health(); err != nil {
			t.Fatal(err)
		}
		nc.Close()
		n.Stop()
		if n.Health() == nil {
			t.Fatal("healthy after its end")
		}
	}
}

func TestNATSRefusesAFolderInUse(t *testing.T) {
	ctx, dir := limit(t), t.TempDir()
	n, err := embedded.StartNATS(ctx, embedded.NATSOptions{Dir: dir, Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop()
	_, err = embedded.StartNATS(ctx, embedded.NATSOptions{Dir: dir})
	if !errors.Is(err, embedded.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got %v", err)
	}
	nc, err := nats.Connect(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestNATSRefusesATakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	for range 2 {
		_, err = embedded.StartNATS(limit(t), embedded.NATSOptions{Dir: dir, Address: l.Addr().String()})
		if !errors.Is(err, embedded.ErrPortTaken) || !strings.Contains(err.Error(), l.Addr().String()) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestNATSRefusesAFolderItCannotMake(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.StartNATS(limit(t), embedded.NATSOptions{Dir: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Fatalf("got %v", err)
	}
}

func TestClusterStoresOnThreeNodesAndSurvivesTheLossOfOne(t *testing.T) {
	ctx := limit(t)
	c, err := embedded.StartCluster(ctx, 3, embedded.NATSOptions{Dir: t.TempDir(), Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	nc, err := nats.Connect(c.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js := stream(t, nc, 3)
	publish := func(want uint64) {
		t.Helper()
		for {
			try, cancel := context.WithTimeout(ctx, time.Second)
			ack, err := js.Publish(try, "s.a", nil, jetstream.WithExpectLastSequence(want-1))
			cancel()
			if err == nil && ack.Sequence == want {
				return
			}
			var refused *jetstream.APIError
			if errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
				return // an earlier try was stored though its answer was lost
			}
			if ctx.Err() != nil {
				t.Fatalf("publish %d: %v, %v", want, ack, err)
			}
		}
	}
	publish(1)
	c.Nodes[0].Stop()
	publish(2)
	if err := c.Start(ctx, 0); err != nil {
		t.Fatal(err)
	}
	publish(3)
}
