// Package signon speaks OpenID Connect to one organisation's identity provider: it makes the address a person is sent to,
// and turns what they come back with into claims that were verified.
package signon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// discoveryFor is how long an issuer's own description is believed.
const discoveryFor = 10 * time.Minute

// Registration is how an organisation's provider knows us.
type Registration struct {
	Issuer, ClientID string
	ClientSecret     string // empty for a public client
}

// Providers knows the identity providers of all organisations. It is safe for concurrent use.
type Providers struct {
	redirect string
	client   *http.Client
	clock    func() time.Time

	mu    sync.Mutex
	known map[string]described
}

type described struct {
	provider *oidc.Provider
	issParam bool // the provider names itself in its answer, RFC 9207
	at       time.Time
}

// New makes Providers whose people come back to redirect. With loopback, providers on this machine are spoken to; all
// others on addresses that the public internet does not route are refused.
func New(redirect string, loopback bool, clock func() time.Time) *Providers {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return publicOnly(address, loopback)
	}}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second,
		ResponseHeaderTimeout: 10 * time.Second, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10}
	return &Providers{redirect: redirect, clock: clock, known: map[string]described{},
		client: &http.Client{Transport: bounded{transport}, Timeout: 15 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("an identity provider's own endpoints do not redirect")
		}}}
}

// publicOnly refuses addresses an issuer has no business on, after the name was resolved.
func publicOnly(address string, loopback bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().Unmap()
	if ip.IsLoopback() && loopback {
		return nil
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || netip.MustParsePrefix("100.64.0.0/10").Contains(ip) || ip.IsLoopback() {
		return fmt.Errorf("identity providers are not looked for at %s", ip)
	}
	return nil
}

// bounded keeps a provider from answering without end.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, 1<<20)
	}
	return response, err
}

// describe answers the issuer's own description, fetched at most once in a while.
func (p *Providers) describe(ctx context.Context, issuer string) (described, error) {
	p.mu.Lock()
	d, ok := p.known[issuer]
	p.mu.Unlock()
	if ok && p.clock().Sub(d.at) < discoveryFor {
		return d, nil
	}
	// The key set outlives the request: it is fetched again with the context given here.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), issuer)
	if err != nil {
		return described{}, fmt.Errorf("%w: %w", ErrProvider, err)
	}
	var metadata struct {
		IssParam bool `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&metadata); err != nil {
		return described{}, fmt.Errorf("%w: %w", ErrProvider, err)
	}
	d = described{provider: found, issParam: metadata.IssParam, at: p.clock()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) > 10_000 {
		clear(p.known)
	}
	p.known[issuer] = d
	return d, nil
}

func (p *Providers) config(r Registration, d described) *oauth2.Config {
	return &oauth2.Config{ClientID: r.ClientID, ClientSecret: r.ClientSecret, Endpoint: d.provider.Endpoint(), RedirectURL: p.redirect,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", "groups"}}
}
