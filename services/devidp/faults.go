package devidp

import (
	"slices"
	"strings"
	"sync"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Fault is something wrong with the next ID token of an issuer.
type Fault string

const (
	FaultNonce     Fault = "nonce"     // another nonce than the one asked with
	FaultIssuer    Fault = "issuer"    // another issuer
	FaultSignature Fault = "signature" // signed by a key that was never published
	FaultEmail     Fault = "email"     // an address nobody verified
)

type faults struct {
	mu     sync.Mutex
	next   map[string][]Fault
	member map[string][]string
	names  map[string]string
}

func newFaults() *faults {
	return &faults{next: map[string][]Fault{}, member: map[string][]string{}, names: map[string]string{}}
}

// Break makes the next ID token of an organisation's issuer wrong in one way.
func (p *Provider) Break(slug string, f Fault) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.next[slug] = append(p.faults.next[slug], f)
}

// SetGroups changes the groups of a person from their next sign-in on.
func (p *Provider) SetGroups(email string, groups ...string) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.member[strings.ToLower(email)] = append([]string{}, groups...)
}

// Rename changes the name of a person from their next sign-in on.
func (p *Provider) Rename(email, name string) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.names[strings.ToLower(email)] = name
}

// take tells whether a fault is due now, and spends it.
func (f *faults) take(slug string, fault Fault) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(f.next[slug], fault)
	if i < 0 {
		return false
	}
	f.next[slug] = slices.Delete(f.next[slug], i, i+1)
	return true
}

func (f *faults) groups(p Person) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if changed, ok := f.member[p.Email]; ok {
		return changed
	}
	return p.Groups
}

func (f *faults) name(p Person) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if changed := f.names[p.Email]; changed != "" {
		return changed
	}
	return p.Name
}

// injected is the error answer a client asked for with login_hint=error:<code>.
func injected(code string) *oidc.Error {
	e := oidc.ErrAccessDenied()
	switch code {
	case "login_required":
		e = oidc.ErrLoginRequired()
	case "server_error":
		e = oidc.ErrServerError()
	case "interaction_required":
		e = oidc.ErrInteractionRequired()
	}
	return e.WithDescription("The identity provider was asked to answer %s.", code)
}
