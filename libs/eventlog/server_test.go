package eventlog_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
)

// patience bounds what a test waits for a server.
const patience = 20 * time.Second

// startOne runs one real server on a fresh folder.
func startOne(t testing.TB) *embedded.NATS {
	t.Helper()
	return startIn(t, t.TempDir())
}

func startIn(t testing.TB, dir string) *embedded.NATS {
	t.Helper()
	s, err := embedded.StartNATS(within(t), embedded.NATSOptions{Dir: dir, Address: "127.0.0.1:0", Relaxed: true, MaxStore: 8 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func provision(t testing.TB, nc *nats.Conn) {
	t.Helper()
	if err := eventlog.Provision(within(t), nc, eventlog.ProvisionOptions{Services: []string{"issuance", "identity"}}); err != nil {
		t.Fatal(err)
	}
}

func connect(t testing.TB, s *embedded.NATS, o ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.URL(), append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func open(t testing.TB, nc *nats.Conn, o eventlog.Options) *eventlog.Log {
	t.Helper()
	if o.Service == "" {
		o.Service = "issuance"
	}
	l, err := eventlog.Open(within(t), nc, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// one is a log on a fresh server.
func one(t testing.TB) (*eventlog.Log, *nats.Conn) {
	t.Helper()
	nc := connect(t, startOne(t))
	provision(t, nc)
	return open(t, nc, eventlog.Options{}), nc
}

// connectTo opens another connection to the server l is on.
func connectTo(t testing.TB, nc *nats.Conn) *nats.Conn {
	t.Helper()
	other, err := nats.Connect(nc.ConnectedUrl(), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	return other
}
