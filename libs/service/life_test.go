package service_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	"github.com/chancery-dev/chancery/libs/testkit"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
)

func start(t *testing.T, c service.Config, wire service.New) error {
	t.Helper()
	r, err := service.Start(t.Context(), "registry", c, wire)
	if err == nil {
		_ = r.Stop()
	}
	return err
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestWhatKeepsAServiceFromStartingIsNamed(t *testing.T) {
	s := servicetest.New(t, nil)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	openKey := filepath.Join(t.TempDir(), "open.key")
	if _, err := secret.CreateKeyFile(openKey); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(openKey, 0o644); err != nil {
		t.Fatal(err)
	}
	empty := testkit.NATSServer(t, embedded.NATSOptions{Relaxed: true})
	for name, c := range map[string]struct {
		change func(*service.Config)
		want   []string
	}{
		"no NATS": {func(c *service.Config) {
			c.Host.Connect, c.NATSURL, c.StartTimeout = nil, "nats://u:"+planted+"@"+closedPort(t), 300*time.Millisecond
		}, []string{"NATS cannot be reached at nats://127.0.0.1:", "NATS_URL"}},
		"no streams": {func(c *service.Config) {
			c.Host.Connect, c.StartTimeout = empty.Connect, 500*time.Millisecond
		}, []string{"provisioned"}},
		"no Postgres": {func(c *service.Config) {
			c.DatabaseURL, c.StartTimeout = secret.New("postgres://u:"+planted+"@"+closedPort(t)+"/x"), 300*time.Millisecond
		}, []string{"Postgres cannot be reached at 127.0.0.1:", "as u", "DATABASE_URL"}},
		"another database":   {func(c *service.Config) { c.DatabaseURL = secret.New("mysql://" + planted) }, []string{"DATABASE_URL is wrong: it should be postgres://"}},
		"no database":        {func(c *service.Config) { c.DatabaseURL = secret.String{} }, []string{"DATABASE_URL is not set"}},
		"port taken":         {func(c *service.Config) { c.HTTPAddr = service.Address(taken.Addr().String()) }, []string{"HTTP_ADDR: cannot listen on 127.0.0.1:", "address already in use"}},
		"admin port taken":   {func(c *service.Config) { c.AdminAddr = service.Address(taken.Addr().String()) }, []string{"ADMIN_ADDR: cannot listen"}},
		"key file open":      {func(c *service.Config) { c.KeyFile = openKey }, []string{"CHANCERY_KEY_FILE", "chmod 600"}},
		"no TLS certificate": {func(c *service.Config) { c.TLSAddr, c.TLSCert = "127.0.0.1:0", openKey+".none" }, []string{"CHANCERY_TLS_CERT and CHANCERY_TLS_KEY"}},
		"no such NATS key":   {func(c *service.Config) { c.Host.Connect, c.NATSNkey = nil, openKey }, []string{"NATS_NKEY", "no NATS user key"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := s.Config("registry", true)
			c.change(&config)
			err := start(t, config, toy)
			if err == nil {
				t.Fatal("it started")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), planted) {
				t.Errorf("%q quotes the password", err)
			}
		})
	}
	if err := start(t, s.Config("registry", true), func(context.Context, service.Deps) (*service.Service, error) { return nil, errors.New("no") }); err == nil || err.Error() != "no" {
		t.Errorf("%v", err)
	}
}

func TestRequestsUnderWayEndBeforeTheServiceDoes(t *testing.T) {
	s := servicetest.New(t, nil)
	entered, let := make(chan struct{}), make(chan struct{})
	c := s.Config("registry", false)
	r := s.Start("registry", c, func(_ context.Context, d service.Deps) (*service.Service, error) {
		endpoint.Raw(d.API, endpoint.Public, endpoint.Operation{Method: "GET", Path: "/slow"}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-let
			_, _ = w.Write([]byte("whole"))
		}), nil)
		return nil, nil
	})
	answered := make(chan reply, 1)
	go func() { answered <- call(t, s, r, nil, "GET", "/slow", "") }()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- r.Stop() }()
	for {
		request, _ := http.NewRequest("GET", r.URL+"/openapi.json", nil)
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			break // new connections are refused while the old request is served
		}
		response.Body.Close()
	}
	select {
	case err := <-stopped:
		t.Fatalf("stopped under a request: %v", err)
	default:
	}
	close(let)
	if got := <-answered; got.status != 200 || got.body != "whole" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := r.Stop(); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestAStoppedFoldStopsDecisionsAndLeavesReadsAlive(t *testing.T) {
	s := servicetest.New(t, nil)
	ann := person(s, "", principal.AppOwner)
	s.Token("registry", ann)
	var mu sync.Mutex
	broken := false
	r := s.Start("registry", s.Config("registry", true), func(ctx context.Context, d service.Deps) (*service.Service, error) {
		made, err := toy(ctx, d)
		if err == nil {
			made.Folds = []service.Fold{func(context.Context, []eventlog.Recorded) error {
				mu.Lock()
				defer mu.Unlock()
				if broken {
					return errors.New("planted")
				}
				return nil
			}}
		}
		return made, err
	})
	mu.Lock()
	broken = true
	mu.Unlock()
	person(s, "", principal.AppOwner)
	if got := call(t, s, r, &ann, "POST", "/v1/applications", `{"name":"x"}`, endpoint.PositionHeader, "5"); got.status != 503 || got.code() != "view_behind" {
		t.Errorf("a decision on a stopped fold: %d %s", got.status, got.body)
	}
	if got := call(t, s, r, &ann, "GET", "/v1/applications", ""); got.status != 200 {
		t.Errorf("a read: %d %s", got.status, got.body)
	}
	request, _ := http.NewRequest("GET", r.AdminURL+"/readyz", nil)
	if got := send(t, request); got.status != 503 || !strings.Contains(got.body, "the in-memory fold stopped") {
		t.Errorf("/readyz: %d %s", got.status, got.body)
	}
}

func TestWhatRunsBesideIsMissedWhenItEnds(t *testing.T) {
	s := servicetest.New(t, nil)
	r, err := service.Start(t.Context(), "registry", s.Config("registry", false), func(context.Context, service.Deps) (*service.Service, error) {
		return &service.Service{Background: map[string]func(context.Context) error{"ticker": func(context.Context) error { return errors.New("planted") }}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	for deadline := time.Now().Add(servicetest.Patience); ; {
		request, _ := http.NewRequest("GET", r.AdminURL+"/readyz", nil)
		if got := send(t, request); got.status == 503 && strings.Contains(got.body, `"ticker":{"ok":false,"detail":"planted"}`) {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
}

func TestAServiceWhoseStartFailsSaysSoAndEnds(t *testing.T) {
	s := servicetest.New(t, nil)
	c := s.Config("registry", false)
	err := service.Run(t.Context(), "registry", c, func(context.Context, service.Deps) (*service.Service, error) {
		return &service.Service{Start: func(context.Context) error { return errors.New("planted") }}, nil
	})
	if err == nil || !strings.Contains(err.Error(), "registry: start: planted") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = service.Run(ctx, "registry", c, func(context.Context, service.Deps) (*service.Service, error) {
		return &service.Service{Start: func(context.Context) error { cancel(); return nil }}, nil
	})
	if err != nil {
		t.Errorf("ended from outside: %v", err)
	}
}

func TestOneServiceVouchesToAnotherWithTheKeyItPublished(t *testing.T) {
	s := servicetest.New(t, nil)
	ann := person(s, "", principal.AppOwner)
	registry := s.Start("registry", s.Config("registry", true), toy)
	portal := s.Start("portal", s.Config("portal", false), func(context.Context, service.Deps) (*service.Service, error) {
		return &service.Service{Signs: true}, nil
	})
	if err := registry.Deps.Lineage.WaitFor(t.Context(), portal.Deps.Lineage.Position()); err != nil {
		t.Fatal(err)
	}
	ask := func(signer *principal.Signer) reply {
		token, err := signer.Sign(ann, "registry")
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest("GET", registry.URL+"/v1/applications", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		return send(t, r)
	}
	tail, err := s.Log("portal").Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.Deps.Lineage.WaitFor(t.Context(), tail); err != nil {
		t.Fatal(err)
	}
	if got := ask(portal.Deps.Signer); got.status != 200 {
		t.Errorf("the portal: %d %s", got.status, got.body)
	}
	if got := ask(registry.Deps.Signer); got.status != 401 {
		t.Errorf("a service that may not vouch: %d", got.status)
	}
}

// E3
func TestLimitsHoldOverThreeInstancesOfOneService(t *testing.T) {
	s := servicetest.New(t, nil)
	ann := person(s, "", principal.AppOwner)
	s.Token("registry", ann)
	first := s.Config("registry", true)
	instances := []*service.Running{s.Start("registry", first, toy)}
	for range 2 {
		c := s.Config("registry", false)
		c.DatabaseURL = first.DatabaseURL
		instances = append(instances, s.Start("registry", c, toy))
	}
	// The operation admits 20 an hour to one person; three instances that know of each other have shares of 7, 7 and 6.
	admitted, refused := 0, 0
	for deadline := time.Now().Add(servicetest.Patience); refused < 30 && time.Now().Before(deadline); {
		for _, r := range instances {
			switch got := call(t, s, r, &ann, "POST", "/v1/applications", `{"name":"x"}`); got.status {
			case 201:
				admitted, refused = admitted+1, 0
			case 429:
				refused++
				if got.header.Get("Retry-After") == "" {
					t.Error("429 without Retry-After")
				}
			default:
				t.Fatalf("%d %s", got.status, got.body)
			}
		}
	}
	// Stated: beyond the limit at most two by rounding and what was admitted before the instances first heard of each other.
	if admitted < 20 || admitted > 2*20 {
		t.Errorf("admitted %d", admitted)
	}
	t.Logf("admitted %d of a limit of 20", admitted)
}

func TestARefusedCommandIsObserved(t *testing.T) {
	s := servicetest.New(t, nil)
	ann := person(s, "", principal.Viewer)
	s.Token("registry", ann)
	r := s.Start("registry", s.Config("registry", true), toy)
	if got := call(t, s, r, &ann, "POST", "/v1/applications", `{"name":"x"}`); got.status != 403 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), servicetest.Patience)
	defer cancel()
	var found *activityv1.CommandRefused
	err := s.Log("registry").FollowActivity(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, rec := range batch {
			if f, ok := rec.Facts[0].(*activityv1.CommandRefused); ok && rec.Envelope.GetActor().GetId() == ann.ID && rec.Envelope.GetOrganization() == ann.Organization {
				found = f
				return eventlog.ErrStop
			}
		}
		return nil
	})
	if err != nil || found.GetCode() != "role_missing" || found.GetOperation() != "post-v1-applications" {
		t.Errorf("%v, %v", found, err)
	}
}

func TestAServiceReadsOnWhenNATSComesBack(t *testing.T) {
	s := servicetest.New(t, nil)
	ann := person(s, "", principal.AppOwner)
	s.Token("registry", ann)
	var own *nats.Conn
	r := s.Start("registry", s.Config("registry", true), func(ctx context.Context, d service.Deps) (*service.Service, error) {
		own = d.NATS
		return toy(ctx, d)
	})
	if err := own.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	receipt := call(t, s, r, &ann, "POST", "/v1/applications", `{"name":"x"}`).receipt(t)
	if got := call(t, s, r, &ann, "GET", "/v1/applications", "", endpoint.PositionHeader, "1"); got.status != 200 || receipt.ID == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
