// Package devidp is an OpenID provider for development and tests: one issuer per organisation, people from a table,
// no passwords. It serves loopback only.
package devidp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// ErrNotLoopback refuses to be reachable from another machine: everybody may sign in here as anybody.
var ErrNotLoopback = errors.New("the development identity provider listens on a loopback address only, such as 127.0.0.1:8090")

// Provider serves every organisation's issuer under its slug, and at / a list of all people.
type Provider struct {
	base    string
	order   []string
	issuers map[string]*issuer
	faults  *faults
	mux     *http.ServeMux
}

type issuer struct {
	url      string
	storage  *storage
	provider *op.Provider
	sessions sessions
}

// Listen opens an address, refusing every one that is not loopback.
func Listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", address, ErrNotLoopback)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%q: %w", address, ErrNotLoopback)
	}
	return net.Listen("tcp", address)
}

// New makes the provider whose issuers are base + "/" + slug; base is http:// and a loopback address.
func New(base string, organizations []Organization) (*Provider, error) {
	host := strings.TrimPrefix(base, "http://")
	if h, _, err := net.SplitHostPort(host); err != nil || net.ParseIP(h) == nil || !net.ParseIP(h).IsLoopback() {
		return nil, fmt.Errorf("%q: %w", base, ErrNotLoopback)
	}
	p := &Provider{base: base, issuers: map[string]*issuer{}, faults: newFaults(), mux: http.NewServeMux()}
	for _, o := range organizations {
		if err := p.add(o); err != nil {
			return nil, fmt.Errorf("organisation %s: %w", o.Slug, err)
		}
	}
	p.mux.HandleFunc("GET /{$}", p.list)
	p.mux.HandleFunc("GET /assets/style.css", style)
	return p, nil
}

func (p *Provider) add(o Organization) error {
	s, err := newStorage(o, p.faults)
	if err != nil {
		return err
	}
	i := &issuer{url: p.base + "/" + o.Slug, storage: s}
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, SupportedScopes: []string{"openid", "profile", "email", "groups"},
		SupportedClaims: append([]string{"groups"}, op.DefaultSupportedClaims...)}
	rand.Read(config.CryptoKey[:])
	i.provider, err = op.NewProvider(config, s, p.issuer(i.url, o.Slug), op.WithAllowInsecure(), op.WithCORSOptions(nil),
		op.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		return err
	}
	p.issuers[o.Slug], p.order = i, append(p.order, o.Slug)
	at := "/" + o.Slug
	p.mux.HandleFunc("GET "+at+"/sign-in", i.signInPage)
	p.mux.HandleFunc("POST "+at+"/sign-in", i.signIn)
	p.mux.HandleFunc("GET "+at+"/second-factor", i.factorPage)
	p.mux.HandleFunc("POST "+at+"/second-factor", i.factor)
	p.mux.HandleFunc("POST "+at+"/refuse", i.refuse)
	p.mux.HandleFunc("POST "+at+"/signals", i.signal)
	p.mux.Handle(at+"/", http.StripPrefix(at, i.provider))
	return nil
}

func (p *Provider) issuer(url, slug string) func(bool) (op.IssuerFromRequest, error) {
	return func(bool) (op.IssuerFromRequest, error) {
		return func(r *http.Request) string {
			if strings.HasSuffix(r.URL.Path, "/token") && p.faults.take(slug, FaultIssuer) {
				return url + "-other"
			}
			return url
		}, nil
	}
}

// Issuer is the issuer's URL of an organisation.
func (p *Provider) Issuer(slug string) string { return p.base + "/" + slug }

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	p.mux.ServeHTTP(w, r)
}

// Serve answers on the listener until ctx ends.
func (p *Provider) Serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{Handler: p, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
