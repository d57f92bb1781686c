// Package suite runs everything on one machine: NATS, Postgres, the development identity provider and every service.
package suite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sethvargo/go-envconfig"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
	"github.com/chancery-dev/chancery/services/devidp"
)

// Options say where a suite lives and listens. Addresses with port 0 take a free one.
type Options struct {
	Dir     string
	Portal  string
	IdP     string
	Gateway string
	// Public is the address under which browsers reach the portal where that is not its own, as behind a proxy with TLS.
	Public string
	// Env is given to every service, in place of what it would be given by the same name.
	Env map[string]string
	// Relaxed leaves flushing to the operating system: for tests alone.
	Relaxed bool
	// LimitFactor raises every limit on callers, for load; 0 leaves them.
	LimitFactor int
	Version     string
	Logger      *slog.Logger
	// Telemetry is where the services of this process tell of themselves; each has its own if nil.
	Telemetry *service.Telemetry
	// Program is the path of this program, of which StartSplit starts every process; the running one if empty.
	Program string
	// Replicas is how many NATS servers StartSplit starts: 1 or 3.
	Replicas int
	// Authorizers is how many authorizers StartSplit starts beside each other; 0 stands for one. Through, if set, says where
	// a service finds NATS that is at an address.
	Authorizers int
	Through     func(name, at string) string
	// SnapshotEvery is how often authorizers write their state down; 0 leaves it as it is.
	SnapshotEvery time.Duration
	// Say is told what happens to the processes of StartSplit.
	Say func(string)
}

// Suite is a running suite.
type Suite struct {
	Portal  string
	IdP     string
	Gateway string
	Dir     string
	// NATSVersion and PostgresVersion are those of the servers.
	NATSVersion, PostgresVersion string

	// Services are those that run in this process.
	Services map[string]*service.Running

	// Authorizers are where those of a split suite answer.
	Authorizers []string
	// Front is where the portal itself listens.
	Front string

	urls     map[string]string
	nats     *embedded.NATS
	postgres *embedded.Postgres
	users    embedded.Users
	stopIdP  func() error
	order    []string
	children []*child
	at       string            // NATS of a split suite
	admin    map[string]string // where each of its services tells whether it is ready
	lock     *os.File
}

// Start starts everything and returns once every service is ready.
func Start(ctx context.Context, o Options) (_ *Suite, err error) {
	s := &Suite{Dir: o.Dir, NATSVersion: server.VERSION, Services: map[string]*service.Running{}, urls: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	portal, err := reserve(o.Portal)
	if err != nil {
		return nil, fmt.Errorf("the portal: %w (choose another with --portal)", err)
	}
	s.Portal, s.Front = "http://"+portal, portal
	if o.Public != "" {
		s.Portal = o.Public
	}
	if o.Gateway, err = reserve(o.Gateway); err != nil {
		return nil, fmt.Errorf("the gateway: %w (choose another with --gateway)", err)
	}
	databases, err := s.startStores(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.startIdP(o.IdP); err != nil {
		return nil, fmt.Errorf("the development identity provider: %w (choose another with --idp)", err)
	}
	for _, part := range parts {
		if err := s.start(ctx, part, s.environment(part, o, databases), o); err != nil {
			return nil, err
		}
	}
	s.Gateway = s.Services["gateway"].URL
	return s, s.ready(ctx)
}

// startStores starts Postgres and NATS and returns where each service finds its database.
func (s *Suite) startStores(ctx context.Context, o Options) (map[string]string, error) {
	err := os.MkdirAll(o.Dir, 0o711)
	if err != nil {
		return nil, err
	}
	if s.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: filepath.Join(o.Dir, "pg"), Throwaway: o.Relaxed, Log: o.Logger}); err != nil {
		return nil, err
	}
	s.PostgresVersion = s.postgres.Version()
	databases, err := s.postgres.Roles(ctx, WithDatabase()...)
	if err != nil {
		return nil, err
	}
	return databases, s.startNATS(ctx, o)
}

// environment is what a service is configured with.
func (s *Suite) environment(p part, o Options, databases map[string]string) map[string]string {
	env := map[string]string{
		"HTTP_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0", "DATABASE_URL": databases[p.name],
		"CHANCERY_KEY_FILE": filepath.Join(o.Dir, "keys", "chancery.key"), "CHANCERY_NODE": "up-" + p.name,
	}
	if o.LimitFactor > 0 {
		env["CHANCERY_LIMIT_FACTOR"] = strconv.Itoa(o.LimitFactor)
	}
	maps.Copy(env, p.env(s, o))
	maps.Copy(env, o.Env)
	return env
}

func (s *Suite) start(ctx context.Context, p part, env map[string]string, o Options) error {
	c, err := service.LoadConfig(ctx, envconfig.MapLookuper(env))
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	c.Host = service.Host{Version: o.Version, Logger: o.Logger, Telemetry: o.Telemetry, Connect: s.as(p.name)}
	running, err := service.Start(ctx, p.name, c, p.wire)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	s.Services[p.name], s.urls[p.name] = running, running.URL
	s.order = append(s.order, p.name)
	return nil
}

// as connects as one of the server's users.
func (s *Suite) as(user string) func(...nats.Option) (*nats.Conn, error) {
	return func(options ...nats.Option) (*nats.Conn, error) {
		if s.nats == nil {
			return nats.Connect(s.at, append(options[:len(options):len(options)], s.users.As(user))...)
		}
		return s.nats.Connect(append(options[:len(options):len(options)], s.users.As(user))...)
	}
}

func (s *Suite) startNATS(ctx context.Context, o Options) (err error) {
	var access eventlog.Access
	if access, s.users, err = Users(filepath.Join(o.Dir, "keys", "nats")); err != nil {
		return err
	}
	if s.nats, err = embedded.StartNATS(ctx, embedded.NATSOptions{
		Dir: filepath.Join(o.Dir, "nats"), Relaxed: o.Relaxed, Access: access, Users: s.users, Log: o.Logger,
	}); err != nil {
		return err
	}
	return Provision(ctx, 1, s.as)
}

// Users are everybody the server knows: who reaches what, and the keys of all below dir, made when missing.
func Users(dir string) (eventlog.Access, embedded.Users, error) {
	access := eventlog.AccessFor(Names()...)
	users, err := embedded.EnsureUsers(dir, access)
	return access, users, err
}

// As connects as a user of the server.
type As func(user string) func(...nats.Option) (*nats.Conn, error)

// Provision makes the streams that are missing, each as the user that may, and refuses those that are not as they must be.
func Provision(ctx context.Context, replicas int, as As) error {
	for user, streams := range Streams(replicas) {
		nc, err := as(user)(nats.Name("chancery provision"))
		if err != nil {
			return fmt.Errorf("NATS as %s: %w", user, err)
		}
		err = eventlog.ProvisionStreams(ctx, nc, streams...)
		nc.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// Streams is every stream of the suite, by the user of its account that makes it.
func Streams(replicas int) map[string][]jetstream.StreamConfig {
	return map[string][]jetstream.StreamConfig{
		eventlog.UserProvision:      eventlog.ProvisionOptions{Replicas: replicas, Services: Names()}.Streams(),
		eventlog.UserProvisionAudit: {eventlog.AuditStream(1, replicas)},
		eventlog.UserProvisionFeed:  {eventlog.LifecycleStream(replicas)},
	}
}

func (s *Suite) startIdP(address string) error {
	listener, err := devidp.Listen(address)
	if err != nil {
		return err
	}
	s.IdP = "http://" + listener.Addr().String()
	provider, err := devidp.New(s.IdP, world.Directory(s.Portal+"/auth/callback"))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- provider.Serve(ctx, listener) }()
	s.stopIdP = func() error { cancel(); return <-done }
	return nil
}

// reserve finds out which address will be listened on, refusing one that is taken.
func reserve(address string) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// ready waits until every service has everything it needs.
func (s *Suite) ready(ctx context.Context) error {
	for _, name := range s.order {
		if err := s.Services[name].Ready(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// Stop ends everything, the last started first.
func (s *Suite) Stop(ctx context.Context) error {
	var errs []error
	for i := len(s.order) - 1; i >= 0; i-- {
		errs = append(errs, s.Services[s.order[i]].Stop())
	}
	s.order = nil
	errs = append(errs, s.stopChildren(ctx))
	if s.stopIdP != nil {
		errs = append(errs, s.stopIdP())
	}
	if s.nats != nil {
		s.nats.Stop()
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.Stop(ctx))
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
