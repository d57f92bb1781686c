package eventlog_test

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/operator"
)

// suite is a server with an account for every service.
type suite struct {
	*embedded.NATS
	users interface{ As(string) nats.Option }
}

var services = []string{"identity", "registry", "approval", "issuance", "audit", "gateway", "portal"}

// eachSuite runs a test where the server's configuration names the users and where an operator signs them.
func eachSuite(t *testing.T, test func(*testing.T, suite)) {
	access := eventlog.AccessFor(services...)
	t.Run("configured", func(t *testing.T) {
		users, err := embedded.EnsureUsers(t.TempDir(), access)
		if err != nil {
			t.Fatal(err)
		}
		test(t, suite{startWith(t, embedded.NATSOptions{Access: access, Users: users}), users})
	})
	t.Run("signed", func(t *testing.T) {
		o, err := operator.Ensure(t.TempDir(), access)
		if err != nil {
			t.Fatal(err)
		}
		test(t, suite{startWith(t, embedded.NATSOptions{Operator: o}), o})
	})
}

func startWith(t *testing.T, o embedded.NATSOptions) *embedded.NATS {
	t.Helper()
	o.Dir, o.Address, o.Relaxed, o.MaxStore = t.TempDir(), "127.0.0.1:0", true, 8<<30
	s, err := embedded.StartNATS(within(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func (s suite) as(t testing.TB, user string) *nats.Conn {
	t.Helper()
	return connect(t, s.NATS, s.users.As(user))
}

func (s suite) provision(t testing.TB) {
	t.Helper()
	ctx := within(t)
	if err := errors.Join(
		eventlog.Provision(ctx, s.as(t, eventlog.UserProvision), eventlog.ProvisionOptions{Services: services}),
		eventlog.ProvisionStreams(ctx, s.as(t, eventlog.UserProvisionAudit), eventlog.AuditStream(0, 1)),
		eventlog.ProvisionStreams(ctx, s.as(t, eventlog.UserProvisionFeed), eventlog.LifecycleStream(1)),
	); err != nil {
		t.Fatal(err)
	}
}
