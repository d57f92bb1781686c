package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/dpop"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/secret"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/naming"
	"github.com/chancery-dev/chancery/services/issuance/internal/token"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

// Fold is the in-memory lineage of everything in EVENTS.
type Fold interface {
	eventlog.Frontier
	Live(lineage.Ref, time.Time) error
	LiveClaim(lineage.Claim, time.Time) error
}

// Server answers the OAuth endpoints. Postgres is on the path of codes alone.
type Server struct {
	Issuer      string
	Keys        *Keys
	Credentials eventlog.Repository[credential.State]
	Tokens      eventlog.Repository[token.State]
	Consents    eventlog.Repository[consent.State]
	// Underway keeps what clients ask people for, Names is what people read of it.
	Underway     underway.Store
	Names        *naming.Fold
	Fold         Fold
	Fingerprints *secret.Fingerprints
	// Proofs verifies proofs of possession for this instance.
	Proofs *dpop.Verifier
	// Lifetime is how long an access token lives at most; 0 stands for DefaultLifetime.
	Lifetime time.Duration
	// CertificateProxies are the networks of proxies that are believed about the certificate of a client.
	CertificateProxies []netip.Prefix
	// Provider is the organisation that provides a product.
	Provider func(productID string) string
	// MutualTLS is the address clients with certificates reach the endpoints under; empty if there is none.
	MutualTLS string
	Observe   func(ctx context.Context, kind string, facts ...aggregate.Event) error
	// Felt waits, bounded, until authorizers refuse what ended at a position; nil waits for none.
	Felt   func(ctx context.Context, position uint64)
	Now    func() time.Time
	Logger *slog.Logger

	refusals   refusals
	assertions once
}

// address is the address of an endpoint.
func (s *Server) address(path string) string { return s.Issuer + path }

// target is the address a request was sent to, as its client knows it.
func (s *Server) target(r *http.Request) string {
	if r.TLS != nil && s.MutualTLS != "" {
		return s.MutualTLS + r.URL.Path
	}
	return s.address(r.URL.Path)
}

// as makes the client the actor of what follows.
func as(ctx context.Context, c client) context.Context {
	m := eventlog.MetaFrom(ctx)
	m.Actor = &eventv1.Actor{Id: c.id, Kind: "client"}
	m.Organization = c.state.Organization
	m.Shown = max(m.Shown, c.seen)
	return eventlog.WithMeta(ctx, m)
}

// entered reads the parameters of a request and finds its client; an error says which client it was as far as known.
func (s *Server) entered(w http.ResponseWriter, r *http.Request, repeatable ...string) (*tokenRequest, error) {
	f, err := form(w, r, repeatable...)
	if err != nil {
		return &tokenRequest{http: r}, err
	}
	q := &tokenRequest{http: r, form: f}
	q.client, err = s.authenticate(r.Context(), r, f)
	return q, err
}
