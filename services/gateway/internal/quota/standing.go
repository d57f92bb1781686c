package quota

import (
	"time"

	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
)

// Standing is how limits stand for a consumer, as far as this authorizer has heard; asking counts for nothing.
func (k *Keeper) Standing(product, application, organization string, limits []fold.Limit) []Left {
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	out := make([]Left, 0, len(limits))
	for i := range limits {
		l := &limits[i]
		consumer := application
		if l.Per == "organization" {
			consumer = organization
		}
		id, window, used := keyOf(product, consumer, l), windowOf(l, now), uint64(0)
		if e := k.entries[id]; e != nil && e.window == window {
			used = e.admitted
		}
		for _, p := range k.peers {
			if s := p.shares[id]; s != nil && s.window == window {
				used += s.admitted
			}
		}
		out = append(out, Left{*l, l.Calls - min(l.Calls, used), time.Unix(int64((window+1)*l.Window), 0).Sub(now)})
	}
	return out
}
