package standing

import (
	"context"
	"sync"

	"github.com/chancery-dev/chancery/libs/eventlog"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Providers is which organisation provides each product, folded from EVENTS in memory. The zero value is ready; it is safe
// for concurrent use.
type Providers struct {
	mu  sync.RWMutex
	all map[string]string
}

// Apply folds a batch.
func (p *Providers) Apply(_ context.Context, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			if e, ok := fact.(*registryv1.ProductDrafted); ok {
				p.mu.Lock()
				if p.all == nil {
					p.all = map[string]string{}
				}
				p.all[r.Envelope.GetSubject().GetId()] = e.OrganizationId
				p.mu.Unlock()
			}
		}
	}
	return nil
}

// Of is the organisation that provides a product, empty for one nobody drafted.
func (p *Providers) Of(productID string) string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.all[productID]
}
