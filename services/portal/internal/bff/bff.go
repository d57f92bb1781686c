// Package bff stands between browsers and the services: it holds the session a cookie stands for, lets nothing of another
// origin through, and vouches for the person with a one-minute token for each call. No token reaches the browser.
package bff

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/portal/internal/bearer"
	"github.com/chancery-dev/chancery/services/portal/internal/browser"
	"github.com/chancery-dev/chancery/services/portal/internal/roster"
	"github.com/chancery-dev/chancery/services/portal/internal/ui"
)

// Persona is one person of a development suite, as its list of personas shows them.
type Persona struct {
	Name         string `json:"name"`
	Email        string `json:"email"`
	Role         string `json:"role"`
	Organization string `json:"organization"`
	Task         string `json:"task"`
	TaskURL      string `json:"task_url"`
	SignInURL    string `json:"sign_in_url"`
}

// Options is what a BFF is made of.
type Options struct {
	// Services are where each service's API answers; identity is one of them.
	Services map[string]*url.URL
	Sessions browser.Store
	Roster   *roster.Roster
	Fold     *lineage.Fold
	Signer   *principal.Signer
	// Tokens are those of the suite's own command line; nil accepts none.
	Tokens *bearer.Tokens
	// UI serves everything that is no call.
	UI *ui.UI
	// Personas are listed in a development suite alone.
	Personas []Persona
	// Secure says that browsers come by https.
	Secure         bool
	TrustedProxies []netip.Prefix
	Clock          func() time.Time
	Logger         *slog.Logger
	Tracer         trace.Tracer
}

// BFF is the portal's handler.
type BFF struct {
	Options
	proxies map[string]*httputil.ReverseProxy
	client  *http.Client
	mux     *http.ServeMux
	guard   *http.CrossOriginProtection
}

const (
	// maxBody bounds what a browser sends; a service bounds its operations more tightly.
	maxBody = 17 << 20 // the largest that a service takes is a contract of 16 MiB
	// foldPatience bounds how long a call waits for the fold to reach what its session was shown.
	foldPatience = 2 * time.Second
)

// New makes the portal's handler.
func New(o Options) *BFF {
	b := &BFF{Options: o, proxies: map[string]*httputil.ReverseProxy{}, mux: http.NewServeMux(), guard: http.NewCrossOriginProtection()}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy, transport.MaxIdleConnsPerHost, transport.ResponseHeaderTimeout = nil, 64, 75*time.Second
	b.client = &http.Client{Transport: transport, Timeout: 10 * time.Second}
	for name, to := range o.Services {
		b.proxies[name] = b.proxy(name, to, transport)
	}
	b.mux.HandleFunc("/api/", b.call)
	b.mux.HandleFunc("GET /api/dev/personas", b.personas)
	b.mux.HandleFunc("/auth/", b.door)
	b.mux.HandleFunc("POST /auth/sign-out", b.signOut)
	b.mux.HandleFunc("GET /auth/step-up", b.stepUp)
	b.mux.HandleFunc("/oauth2/", b.public)
	b.mux.HandleFunc("/oauth2/consent", b.acting)
	b.mux.HandleFunc("/device", b.acting)
	b.mux.HandleFunc("/.well-known/", b.public)
	b.mux.Handle("/", o.UI)
	return b
}

var (
	errCrossOrigin = problem.New(problem.Forbidden, "cross_origin", "The request came from a page of another origin.")
	errNoService   = problem.New(problem.NotFound, "no_such_operation", "No operation has this path.")
	errNoSession   = problem.New(problem.Unauthenticated, "unauthenticated", "Your session has ended. Sign in again.")
	errAway        = problem.New(problem.Unavailable, "service_unavailable", "The service does not answer right now; try again.").RetryAfter(2 * time.Second)
	errBehind      = problem.New(problem.Unavailable, "view_behind", "The portal has not yet reached what you were shown; try again.").RetryAfter(time.Second)
)

func (b *BFF) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(endpoint.RequestIDHeader)
	if len(id) < 8 || len(id) > 64 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		id = uuid.NewString()
	}
	r.Header.Set(endpoint.RequestIDHeader, id)
	r = r.WithContext(problem.WithRequestID(r.Context(), id))
	h := w.Header()
	h.Set(endpoint.RequestIDHeader, id)
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.URL.RawPath != "" || strings.Contains(r.URL.Path, "//") || strings.Contains(r.URL.Path, "/../") || strings.Contains(r.URL.Path, "/./") {
		// What two programs may read as two paths is passed on as none.
		b.refuse(w, r, errNoService)
		return
	}
	// Machines with a token of their own are not browsers, and no cookie acts for them.
	if err := b.guard.Check(r); err != nil && (!strings.HasPrefix(r.URL.Path, "/oauth2/") || r.URL.Path == "/oauth2/consent") {
		b.refuse(w, r, errCrossOrigin)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	b.mux.ServeHTTP(w, r)
}

// refuse answers a program with a problem document, and a person on the sign-in pages with a page.
func (b *BFF) refuse(w http.ResponseWriter, r *http.Request, err error) {
	refusal := problem.As(err)
	if refusal.Kind() == problem.Internal {
		b.Logger.ErrorContext(r.Context(), "request failed", "request_id", problem.RequestID(r.Context()), "path", r.URL.Path, "error", err)
	}
	if page := strings.HasPrefix(r.URL.Path, "/auth/") || r.URL.Path == "/oauth2/consent" || r.URL.Path == "/device"; page && strings.Contains(r.Header.Get("Accept"), "text/html") {
		b.UI.Notice(w, r, refusal.Kind().Status(), refusal.Sentence())
		return
	}
	endpoint.SecurityHeaders(w.Header())
	problem.Write(w, err, problem.RequestID(r.Context()))
}

// waitFor waits, bounded, until the fold has reached a position.
func (b *BFF) waitFor(ctx context.Context, position uint64) error {
	if b.Fold.Position() >= position {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, foldPatience)
	defer cancel()
	if err := b.Fold.WaitFor(ctx, position); err != nil {
		return errBehind.Because(err)
	}
	return nil
}
