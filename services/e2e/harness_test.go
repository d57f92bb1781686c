package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/chancery/suitetest"
)

// patience bounds every wait, generous because test machines are busy.
const patience = 90 * time.Second

// whole is the one suite of this test binary.
var whole struct {
	sync.Once
	world   *suitetest.World
	spans   *tracetest.InMemoryExporter
	product string // the published ledger
	dir     string
	err     error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if whole.world != nil {
		if err := whole.world.Suite.Stop(context.Background()); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if whole.dir != "" {
		_ = os.RemoveAll(whole.dir)
	}
	os.Exit(code)
}

func start() (err error) {
	if whole.dir, err = os.MkdirTemp("", "chancery-e2e"); err != nil {
		return err
	}
	whole.spans = tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(whole.spans))
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	whole.world, err = suitetest.Start(ctx, whole.dir, &service.Telemetry{
		Traces: provider, Metrics: noop.NewMeterProvider(), Scrape: promhttp.Handler(), Shutdown: func(context.Context) error { return nil },
	})
	if err != nil {
		return err
	}
	whole.product, _, err = whole.world.Cast.Publish(ctx, "ledger")
	return err
}

// story is one test on the suite, and the newest position it was answered.
type story struct {
	*testing.T
	*suitetest.World
	ctx   context.Context
	shown uint64
}

func tell(t *testing.T) *story {
	t.Helper()
	whole.Do(func() { whole.err = start() })
	if whole.err != nil {
		t.Fatal(whole.err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return &story{T: t, World: whole.world, ctx: ctx}
}

// must fails the story on an error.
func must[T any](s *story) func(T, error) T {
	return func(v T, err error) T {
		s.Helper()
		if err != nil {
			s.Fatal(err)
		}
		return v
	}
}

func (s *story) good(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// answer is what a service said.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) str(field string) string { v, _ := a.body[field].(string); return v }

// call calls a service as the portal would for somebody, or without any token for nobody; it waits for what the story was
// shown before. Headers come in pairs.
func (s *story) call(as *principal.Principal, method, service, path string, body any, headers ...string) answer {
	s.Helper()
	return s.at(s.Suite.Services[service].URL, as, method, service, path, body, headers...)
}

func (s *story) at(url string, as *principal.Principal, method, service, path string, body any, headers ...string) answer {
	s.Helper()
	var payload []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		payload = b
	default:
		payload = must[[]byte](s)(json.Marshal(b))
	}
	r := must[*http.Request](s)(http.NewRequestWithContext(s.ctx, method, url+path, bytes.NewReader(payload)))
	if payload != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if as != nil {
		r.Header.Set("Authorization", "Bearer "+s.vouch(service, *as))
	}
	if s.shown > 0 {
		r.Header.Set("Chancery-Position", strconv.FormatUint(s.shown, 10))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response := must[*http.Response](s)(http.DefaultClient.Do(r))
	defer response.Body.Close()
	text := must[[]byte](s)(io.ReadAll(response.Body))
	if at, err := strconv.ParseUint(response.Header.Get("Chancery-Position"), 10, 64); err == nil && response.StatusCode < 300 {
		s.shown = max(s.shown, at)
	}
	a := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.body)
	return a
}

// vouch signs a token with the key of the running portal.
func (s *story) vouch(service string, p principal.Principal) string {
	s.Helper()
	portal := s.Suite.Services["portal"].Deps
	p.Seen, p.SessionSeen = portal.Lineage.Position(), portal.Lineage.Position()
	return must[string](s)(portal.Signer.Sign(p, service))
}

func (s *story) wants(a answer, status int, code string) answer {
	s.Helper()
	if a.status != status || code != "" && a.str("code") != code {
		s.Fatalf("%d %s, want %d %s", a.status, a.text, status, code)
	}
	return a
}

func (s *story) eventually(what string, yes func() bool) time.Duration {
	s.Helper()
	begun := time.Now()
	for !yes() {
		if s.ctx.Err() != nil {
			s.Fatalf("never: %s", what)
		}
	}
	return time.Since(begun)
}

// granted registers an application of Northwind and takes it to a grant of the ledger.
func (s *story) granted(name string) (application, grant string) {
	s.Helper()
	application = must[string](s)(s.Cast.Register(s.ctx, "noor", "sam", name, "a story", "sandbox"))
	return application, s.regranted(application)
}

func (s *story) regranted(application string) (grant string) {
	s.Helper()
	request, digest, err := s.Cast.Request(s.ctx, "noor", application, whole.product, []string{"accounts:read", "entries:read"}, 30, "nightly reconciliation")
	s.good(err)
	s.good(s.Cast.Review(s.ctx, "mara", "product_reviewer", request, digest))
	return must[string](s)(s.Cast.Grant(s.ctx, "noor", application, request))
}

// verdict is what the authorizer says of one call with a key.
func (s *story) verdict(key, target string) int {
	s.Helper()
	r := must[*http.Request](s)(http.NewRequestWithContext(s.ctx, "GET", s.Suite.Gateway+"/nginx/sandbox", http.NoBody))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-Original-Method", "GET")
	r.Header.Set("X-Original-Uri", target)
	response := must[*http.Response](s)(http.DefaultClient.Do(r))
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}
