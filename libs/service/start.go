package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/secret"
)

// Running is a service that serves.
type Running struct {
	Name string
	// URL and AdminURL are where the API and the admin port answer.
	URL      string
	AdminURL string
	// TLSURL is where the API answers with TLS; empty if it does not.
	TLSURL string
	Deps   Deps

	health  *health
	api     *http.Server
	admin   *http.Server
	stop    func(context.Context) error
	cancel  context.CancelFunc
	loops   sync.WaitGroup
	closers []func(context.Context) error
	stopped sync.Once

	failing sync.Once
	failed  chan struct{}
	failure error
}

// Failed is closed when the service cannot go on; Err then says why. It is still to be stopped.
func (r *Running) Failed() <-chan struct{} { return r.failed }

// Err is why the service cannot go on, nil while it can.
func (r *Running) Err() error {
	select {
	case <-r.failed:
		return r.failure
	default:
		return nil
	}
}

func (r *Running) fail(err error) {
	r.failing.Do(func() {
		r.failure = fmt.Errorf("%s: %w", r.Name, err)
		close(r.failed)
	})
}

// Run starts a service and serves until ctx ends, then lets the requests under way end and closes.
func Run(ctx context.Context, name string, c Config, wire New) error {
	r, err := Start(ctx, name, c, wire)
	if err != nil && ctx.Err() != nil {
		return nil // interrupted while it started
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.Deps.Logger.InfoContext(ctx, "serving", "api", r.URL, "admin", r.AdminURL)
	select {
	case <-ctx.Done():
	case <-r.failed:
	}
	return errors.Join(r.Err(), r.Stop())
}

// Start starts a service and returns once it serves; it may not be ready yet, which Ready and /readyz tell.
func Start(ctx context.Context, name string, c Config, wire New) (_ *Running, err error) {
	r := &Running{Name: name, failed: make(chan struct{})}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	defer func() {
		if err != nil {
			closing, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer done()
			r.close(closing)
		}
	}()
	starting, done := context.WithTimeout(ctx, c.StartTimeout)
	defer done()
	d, limits, err := r.open(starting, name, c)
	if err != nil {
		return nil, err
	}
	folds := &follower{lineage: d.Lineage, keyring: d.Keyring, service: name, tracer: d.Traces.Tracer("github.com/chancery-dev/chancery/libs/service")}
	d.Between = folds.between
	var runner *projection.Runner
	reached := func(ctx context.Context, position uint64) (uint64, error) {
		if runner != nil {
			return runner.Position(), runner.WaitFor(ctx, position)
		}
		return d.Lineage.Position(), frontier{d.Lineage}.WaitFor(ctx, position)
	}
	d.WaitFor = func(ctx context.Context, position uint64) error { _, err := reached(ctx, position); return err }
	d.API = r.newAPI(d, limits, func(ctx context.Context, position uint64) (uint64, error) {
		if _, err := reached(ctx, position); err != nil {
			return 0, err
		}
		at, _ := reached(ctx, 0)
		return at, nil
	})
	s, err := wire(starting, d)
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = &Service{}
	}
	c.warnOfUnknown(d.Logger)
	d.API.Refusals(s.Refusals)
	folds.folds = s.Folds
	if len(s.Views)+len(s.Policies) > 0 {
		if d.DB == nil {
			return nil, fmt.Errorf("DATABASE_URL is not set: it should be %s", "postgres://user:password@host:port/database")
		}
		runner = &projection.Runner{
			DB: d.DB, Follow: d.Log.Follow, Views: s.Views, Policies: s.Policies, Frontier: frontier{d.Lineage}, Service: name, Logger: d.Logger,
			Tracer: d.Traces.Tracer("github.com/chancery-dev/chancery/libs/projection"),
		}
	}
	r.Deps, r.stop = d, s.Stop
	r.health = &health{deps: d, follower: folds, runner: runner, checks: s.Ready, failed: map[string]string{}}
	if err := r.listen(c, s); err != nil {
		return nil, err
	}
	r.background(running, "limits", limits.run)
	r.background(running, "fold", func(ctx context.Context) error { return folds.run(ctx, d.Log) })
	if runner != nil {
		r.background(running, "projection", runner.Run)
	}
	r.background(running, "start", func(ctx context.Context) error { return r.begin(ctx, s) })
	return r, nil
}

// open connects everything a service depends on.
func (r *Running) open(ctx context.Context, name string, c Config) (d Deps, limits *totals, err error) {
	d = Deps{Name: name, Version: c.Host.Version, Config: c, Clock: c.Host.Clock, Lineage: lineage.NewFold()}
	if d.Clock == nil {
		d.Clock = time.Now
	}
	d.Logger = newLogger(c, name)
	telemetry := c.Host.Telemetry
	if telemetry == nil {
		if telemetry, err = NewTelemetry(ctx, name, d.Version); err != nil {
			return d, nil, fmt.Errorf("telemetry: %w", err)
		}
		r.closers = append(r.closers, telemetry.Shutdown)
	}
	d.Traces, d.Metrics = telemetry.Traces, telemetry.Metrics
	r.admin = &http.Server{Handler: telemetry.Scrape} // replaced once the service is wired
	if c.KeyFile != "" {
		if d.Keys, err = openKeys(c); err != nil {
			return d, nil, err
		}
		tellAge(d)
		d.Fingerprints = secret.NewFingerprints(d.Keys.Pepper())
	}
	if !c.DatabaseURL.IsZero() {
		if d.DB, err = connectPostgres(ctx, c, name); err != nil {
			return d, nil, err
		}
		r.closers = append(r.closers, func(context.Context) error { return d.DB.Close() })
	}
	if d.NATS, err = connectNATS(ctx, c, name, d.Logger); err != nil {
		return d, nil, err
	}
	r.closers = append(r.closers, func(context.Context) error { d.NATS.Close(); return nil })
	if err := openLog(ctx, &d, frontier{d.Lineage}); err != nil {
		return d, nil, err
	}
	d.Keyring = &principal.Keyring{Refused: func(err error) { d.Logger.Error("a signing key is not accepted", "error", err) }}
	if d.Signer, err = principal.NewSigner(name, d.Clock, SignerLife); err != nil {
		return d, nil, err
	}
	return d, newTotals(d.Pulse, name, nodeName(c), d.Clock, d.Logger), nil
}

func nodeName(c Config) string {
	if c.Node != "" {
		return c.Node
	}
	host, _ := os.Hostname()
	name := strings.Map(func(r rune) rune {
		if isNode(string(r)) {
			return r
		}
		return '-'
	}, host)
	return fmt.Sprintf("%.32s-%d-%s", name, os.Getpid(), shortID())
}

func (r *Running) newAPI(d Deps, limits *totals, waitFor func(context.Context, uint64) (uint64, error)) *endpoint.API {
	verifier := principal.Verifier{Audience: d.Name, Clock: d.Clock, Keyring: d.Keyring}
	return endpoint.New(endpoint.Options{
		Service: d.Name, Version: d.Version, Clock: d.Clock, Logger: d.Logger, Traces: d.Traces, Metrics: d.Metrics,
		Authenticate: func(_ context.Context, token string) (principal.Principal, error) { return verifier.Verify(token) },
		Live:         live(d.Lineage, d.Clock), Enter: enter, WaitFor: waitFor, Refused: refused(d.Log, d.Logger),
		Refusals: refusals, Limits: d.Config.Host.Limits, LimitFactor: d.Config.LimitFactor, Totals: limits, TrustedProxies: d.Config.TrustedProxies,
	})
}

// begin waits until the folds have what the log held at start, publishes the signing key, and lets the service begin.
func (r *Running) begin(ctx context.Context, s *Service) error {
	d := r.Deps
	var tail uint64
	for {
		var err error
		if tail, err = d.Log.Tail(ctx); err == nil {
			break
		}
		if sleep(ctx, time.Second); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	r.health.mu.Lock()
	r.health.target = tail
	r.health.mu.Unlock()
	if err := d.Lineage.WaitFor(ctx, tail); err != nil {
		return err
	}
	for v := r.health.runner; v != nil && (!v.Prepared() || v.Position() < tail); {
		if sleep(ctx, 5*time.Millisecond); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if s.Signs {
		if err := r.insist(ctx, "publish the signing key", func(ctx context.Context) error {
			return PublishSigner(ctx, d.Log, d.Name, d.Signer.Public())
		}); err != nil {
			return err
		}
		r.background(ctx, "signer", func(ctx context.Context) error { return RenewSigner(ctx, d) })
	}
	if s.Start != nil {
		if err := s.Start(own(ctx, d.Name)); err != nil {
			r.fail(fmt.Errorf("start: %w", err))
			return err
		}
	}
	for name, f := range s.Background {
		r.background(ctx, name, f)
	}
	r.health.started.Store(true)
	<-ctx.Done()
	return ctx.Err()
}

// insist repeats f while the log is out of reach.
func (r *Running) insist(ctx context.Context, what string, f func(context.Context) error) error {
	for {
		err := f(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, eventlog.ErrUnavailable) && !errors.Is(err, eventlog.ErrOutcomeUnknown) {
			r.fail(fmt.Errorf("%s: %w", what, err))
			return err
		}
		r.Deps.Logger.WarnContext(ctx, "trying again: "+what, "error", err)
		sleep(ctx, time.Second)
	}
}

// background runs f until the service stops; its end before that makes the service unready.
func (r *Running) background(ctx context.Context, what string, f func(context.Context) error) {
	r.loops.Go(func() {
		err := f(own(ctx, r.Name))
		if ctx.Err() == nil {
			r.Deps.Logger.ErrorContext(ctx, "ended: "+what, "error", err)
			r.health.fail(what, err)
		}
	})
}
