// Package fingerprints leads from what is kept of a secret to the generation whose secret it is, folded from EVENTS in
// memory, so that ten thousand presented secrets are looked up without a database.
package fingerprints

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// half of an HMAC-SHA-256 is as good as all of it here (RFC 2104 §5).
type half [16]byte

// Secret is one generation of one credential, dead or alive.
type Secret struct {
	CredentialID string
	Generation   uint32
}

// Index is every fingerprint there ever was. The zero value is ready; it is safe for concurrent use.
type Index struct {
	mu  sync.RWMutex
	all map[half]kept
}

type kept struct {
	credential uuid.UUID
	generation uint32
}

// Apply folds a batch.
func (x *Index) Apply(_ context.Context, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			switch e := fact.(type) {
			case *issuancev1.CredentialIssued:
				x.add(r.Envelope.GetSubject().GetId(), e.Generation, e.Fingerprint)
			case *issuancev1.CredentialRotationStarted:
				x.add(r.Envelope.GetSubject().GetId(), e.Generation, e.Fingerprint)
			}
		}
	}
	return nil
}

func (x *Index) add(credential string, generation uint32, fingerprint []byte) {
	id, err := uuid.Parse(credential)
	if err != nil || len(fingerprint) < len(half{}) {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.all == nil {
		x.all = map[half]kept{}
	}
	if _, known := x.all[half(fingerprint)]; !known {
		x.all[half(fingerprint)] = kept{id, generation}
	}
}

// Find is the generation with this fingerprint, or false.
func (x *Index) Find(fingerprint [32]byte) (Secret, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	k, ok := x.all[half(fingerprint[:16])]
	if !ok {
		return Secret{}, false
	}
	return Secret{k.credential.String(), k.generation}, true
}
