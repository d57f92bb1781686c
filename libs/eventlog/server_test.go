package eventlog_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// startOne runs one real server on a fresh folder.
func startOne(t testing.TB, change ...func(*server.Options)) *server.Server {
	t.Helper()
	o := &server.Options{ServerName: "one", Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(),
		NoSigs: true, NoLog: true, JetStreamMaxStore: 8 << 30, JetStreamMaxMemory: 256 << 20}
	for _, c := range change {
		c(o)
	}
	return run(t, o)
}

func run(t testing.TB, o *server.Options) *server.Server {
	t.Helper()
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server did not become ready")
	}
	return s
}

func connect(t testing.TB, s *server.Server, o ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond),
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
	if err := eventlog.Provision(within(t), nc, eventlog.ProvisionOptions{Services: []string{"issuance", "identity"}}); err != nil {
		t.Fatal(err)
	}
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
