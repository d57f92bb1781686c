// Package servicetest starts services in a test: real NATS, a real database, the real guard, and a portal to sign for
// callers.
package servicetest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sethvargo/go-envconfig"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/testkit"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// Patience bounds every wait of a test, generous because test machines are busy.
const Patience = time.Minute

// Services are those a suite provisions.
var Services = []string{"identity", "registry", "approval", "issuance", "audit", "gateway", "portal"}

// Suite is one log that several services share.
type Suite struct {
	t      testing.TB
	Server *embedded.NATS
	Clock  func() time.Time

	users embedded.Users
	door  string

	mu        sync.Mutex
	logs      map[string]*eventlog.Log
	portal    *principal.Signer
	keyFolder string
}

// New makes an empty log with every stream, on a server that permits each service no more than in production; a nil clock
// is the real one.
func New(t testing.TB, clock func() time.Time) *Suite {
	t.Helper()
	if clock == nil {
		clock = time.Now
	}
	s := &Suite{t: t, Clock: clock, logs: map[string]*eventlog.Log{}}
	access := eventlog.AccessFor(Services...)
	var err error
	dir := t.TempDir()
	s.door = embedded.DoorKey(dir)
	if s.users, err = embedded.EnsureUsers(dir, access); err != nil {
		t.Fatal(err)
	}
	s.Server = testkit.NATSServer(t, embedded.NATSOptions{Address: "127.0.0.1:0", Relaxed: true, Access: access, Users: s.users})
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := eventlog.Provision(ctx, s.Connect(eventlog.UserProvision), eventlog.ProvisionOptions{Services: Services}); err != nil {
		t.Fatal(err)
	}
	return s
}

// DoorKey is the file with the key that lets strangers in, which audit is given.
func (s *Suite) DoorKey() string { return s.door }

// Connect connects as one of the server's users: a service by its name, or one of eventlog's.
func (s *Suite) Connect(user string, options ...nats.Option) *nats.Conn {
	s.t.Helper()
	nc, err := s.connector(user)(options...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

func (s *Suite) connector(user string) func(...nats.Option) (*nats.Conn, error) {
	return func(options ...nats.Option) (*nats.Conn, error) {
		return s.Server.Connect(append(options[:len(options):len(options)], s.users.As(user))...)
	}
}

// Config is that of one instance of a service, with a database of its own; set DatabaseURL to share one.
func (s *Suite) Config(name string, database bool) service.Config {
	s.t.Helper()
	c, err := service.LoadConfig(context.Background(), envconfig.MapLookuper(map[string]string{"HTTP_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0"}))
	if err != nil {
		s.t.Fatal(err)
	}
	if database {
		c.DatabaseURL = secret.New(testkit.PostgresURL(s.t))
	}
	c.KeyFile = filepath.Join(s.keys(), name+".key")
	c.StartTimeout = Patience
	level := slog.LevelWarn
	if testing.Verbose() {
		level = slog.LevelInfo
	}
	c.Host = service.Host{
		Version: "test", Clock: s.Clock, Connect: s.connector(name),
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	}
	return c
}

func (s *Suite) keys() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keyFolder == "" {
		s.keyFolder = s.t.TempDir()
	}
	return s.keyFolder
}

// Start starts a service and returns once it is ready; it stops with the test.
func (s *Suite) Start(name string, c service.Config, wire service.New) *service.Running {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	r, err := service.Start(ctx, name, c, wire)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = r.Stop() })
	if err := r.Ready(ctx); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// Log is the log as a service has it, for facts of services that the test does not start.
func (s *Suite) Log(name string) *eventlog.Log {
	s.t.Helper()
	s.mu.Lock()
	known := s.logs[name]
	s.mu.Unlock()
	if known != nil {
		return known
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	nc := s.Connect(name)
	keys, err := secret.EnsureKeyFile(filepath.Join(s.keys(), name+".key"))
	if err != nil {
		s.t.Fatal(err)
	}
	vault, err := eventlog.OpenVault(ctx, nc, eventlog.VaultOptions{Service: name, Keys: keys})
	if err != nil {
		s.t.Fatal(err)
	}
	log, err := eventlog.Open(ctx, nc, eventlog.Options{Service: name, Vault: vault, Clock: s.Clock})
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs[name] = log
	return log
}

// Append adds facts of any service after everything its aggregate holds, and gives their position. kind and id name the
// aggregate: ("identity", "person", "…").
func (s *Suite) Append(name, kind, id string, facts ...aggregate.Event) uint64 {
	s.t.Helper()
	log := s.Log(name)
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	before, err := log.Read(ctx, log.Subject(kind, id))
	if err != nil {
		s.t.Fatal(err)
	}
	last := uint64(0)
	if len(before) > 0 {
		last = before[len(before)-1].Sequence
	}
	tail, err := log.Tail(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx = eventlog.WithMeta(ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: "test", Kind: "system"}, Seen: tail})
	position, err := log.Append(ctx, log.Subject(kind, id), last, facts...)
	if err != nil {
		s.t.Fatal(err)
	}
	return position
}

// Token vouches for a caller to a service as the portal does; the first call publishes the portal's key. Services fold it
// at their own pace: wait for the position before the first use, which Start after the first Token does by itself.
func (s *Suite) Token(audience string, p principal.Principal) string {
	s.t.Helper()
	s.mu.Lock()
	portal := s.portal
	s.mu.Unlock()
	if portal == nil {
		made, err := principal.NewSigner("portal", s.Clock, 400*24*time.Hour)
		if err != nil {
			s.t.Fatal(err)
		}
		s.Append("portal", "signer", made.Public().GetKeyId(), made.Public())
		s.mu.Lock()
		s.portal = made
		s.mu.Unlock()
		portal = made
	}
	token, err := portal.Sign(p, audience)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// Seen is a context in which Append records a decision that rests on position: one that has not seen what came later.
func Seen(ctx context.Context, position uint64) context.Context {
	return eventlog.WithMeta(ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: "test", Kind: "system"}, Seen: position})
}
