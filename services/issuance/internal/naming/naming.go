// Package naming is what a person reads in place of ids when an application asks to act for them, folded from EVENTS in memory.
package naming

import (
	"context"
	"strings"
	"sync"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Scope is a scope in words; risk is low | medium | high.
type Scope struct{ Name, Words, Risk string }

// Fold is every name. The zero value is ready; it is safe for concurrent use.
type Fold struct {
	mu     sync.RWMutex
	names  map[string]string
	scopes map[string]Scope // by product and name
	// public and published are the products shown to everybody.
	public, published map[string]bool
}

// Apply folds a batch.
func (f *Fold) Apply(_ context.Context, batch []eventlog.Recorded) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names == nil {
		f.names, f.scopes, f.public, f.published = map[string]string{}, map[string]Scope{}, map[string]bool{}, map[string]bool{}
	}
	for _, r := range batch {
		for _, fact := range r.Facts {
			f.apply(r.Envelope.GetSubject().GetId(), fact)
		}
	}
	return nil
}

func (f *Fold) apply(id string, fact aggregate.Event) {
	switch e := fact.(type) {
	case *identityv1.OrganizationRegistered:
		f.names[id] = e.Name
	case *registryv1.ProductDrafted:
		f.names[id] = e.Name
	case *registryv1.ApplicationRegistered:
		f.names[id] = e.Name
	case *registryv1.ProductAudienceSet:
		f.public[id] = e.Audience == "public" && len(e.OrganizationIds) == 0
	case *registryv1.ProductPublished:
		f.published[id] = true
	case *registryv1.ProductWithdrawn, *registryv1.ProductRetired:
		delete(f.published, id)
	case *registryv1.VersionSubmitted:
		for _, s := range e.Scopes {
			f.scopes[e.ProductId+" "+s.Name] = Scope{s.Name, s.Description, s.Risk}
		}
	}
}

// Name is that of an organisation, a product or an application; empty if it has none.
func (f *Fold) Name(id string) string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.names[id]
}

// Scopes are scopes of a product in the words of the newest contract that has them.
func (f *Fold) Scopes(productID string, names []string) []Scope {
	f.mu.RLock()
	defer f.mu.RUnlock()
	out := make([]Scope, len(names))
	for i, name := range names {
		if out[i] = f.scopes[productID+" "+name]; out[i].Name == "" {
			out[i].Name = name
		}
	}
	return out
}

// Resource is the name of a product that everybody may know of, and its scopes; false for every other.
func (f *Fold) Resource(productID string) (name string, scopes []string, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.published[productID] || !f.public[productID] {
		return "", nil, false
	}
	for key, s := range f.scopes {
		if strings.HasPrefix(key, productID+" ") {
			scopes = append(scopes, s.Name)
		}
	}
	return f.names[productID], scopes, true
}
