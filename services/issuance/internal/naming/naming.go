// Package naming is what a person reads in place of ids when an application asks to act for them, folded from EVENTS in memory.
package naming

import (
	"context"
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
}

// Apply folds a batch.
func (f *Fold) Apply(_ context.Context, batch []eventlog.Recorded) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names == nil {
		f.names, f.scopes = map[string]string{}, map[string]Scope{}
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
