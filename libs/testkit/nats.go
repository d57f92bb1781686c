package testkit

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/embedded"
)

// starting bounds how long a server may take to start, generous because test machines are busy.
const starting = 2 * time.Minute

// NATS is a connection to a server of the test's own, empty, with JetStream; both end with the test. It flushes as the
// system likes: a test of durability starts its own server with embedded.StartNATS.
func NATS(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	return connect(t, NATSServer(t, embedded.NATSOptions{Relaxed: true}), options...)
}

// NATSServer is a server of the test's own; without a folder in its options it gets a temporary one.
func NATSServer(t testing.TB, o embedded.NATSOptions) *embedded.NATS {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(context.Background(), starting)
	defer cancel()
	server, err := embedded.StartNATS(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// NATSCluster is a cluster of the test's own.
func NATSCluster(t testing.TB, size int, o embedded.NATSOptions) *embedded.Cluster {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(context.Background(), starting)
	defer cancel()
	cluster, err := embedded.StartCluster(ctx, size, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	return cluster
}

func connect(t testing.TB, server *embedded.NATS, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := server.Connect(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
