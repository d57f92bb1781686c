// Package endpointtest drives an API over real HTTP as callers of every sort, and checks from its OpenAPI document that
// every operation is guarded.
package endpointtest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/principal"
)

// Portal signs tokens as the portal does, and verifies them as a service does.
type Portal struct {
	t      testing.TB
	signer *principal.Signer
	clock  func() time.Time
	ring   *principal.Keyring
}

// NewPortal makes a portal with a key of its own; a nil clock is the real one.
func NewPortal(t testing.TB, clock func() time.Time) *Portal {
	t.Helper()
	if clock == nil {
		clock = time.Now
	}
	s, err := principal.NewSigner("portal", clock, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p := &Portal{t: t, signer: s, clock: clock, ring: &principal.Keyring{}}
	p.Teach(p.ring)
	return p
}

// Teach makes the portal's key known to a keyring that folds nothing else.
func (p *Portal) Teach(ring *principal.Keyring) {
	public := p.signer.Public()
	ring.Apply(ring.Position()+1, principal.SignerSubject("portal", public.GetKeyId()), []proto.Message{public})
}

// Signer is the portal's signer.
func (p *Portal) Signer() *principal.Signer { return p.signer }

// Authenticate is what an API of service takes as its Options.Authenticate.
func (p *Portal) Authenticate(service string) func(context.Context, string) (principal.Principal, error) {
	v := principal.Verifier{Audience: service, Clock: p.clock, Keyring: p.ring}
	return func(_ context.Context, token string) (principal.Principal, error) { return v.Verify(token) }
}

// Token vouches for c to service.
func (p *Portal) Token(service string, c principal.Principal) string {
	p.t.Helper()
	token, err := p.signer.Sign(c, service)
	if err != nil {
		p.t.Fatal(err)
	}
	return token
}

// Authorize puts a token for c into the request.
func (p *Portal) Authorize(r *http.Request, service string, c principal.Principal) {
	p.t.Helper()
	r.Header.Set("Authorization", "Bearer "+p.Token(service, c))
}

// Fresh is a person of an organisation who has just confirmed a second factor.
func (p *Portal) Fresh(organization string, roles ...string) principal.Principal {
	return principal.Principal{
		ID: "person-" + uuid.NewString(), Kind: principal.Person, Organization: organization,
		Roles: roles, Session: "session", ACR: "urn:chancery:mfa", AMR: []string{"pwd", "otp", "mfa"}, AuthTime: p.clock(),
	}
}
