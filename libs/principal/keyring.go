package principal

import (
	"crypto"
	"crypto/ed25519"
	_ "crypto/sha256" // thumbprints, RFC 7638
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

const thumbprintHash = crypto.SHA256

// Keyring is the public keys of all services' signers, folded from EVENTS. The zero Keyring is empty and ready.
// Safe for concurrent use.
type Keyring struct {
	// Refused, if set, is told of facts that name a key they may not or cannot name. Such a key is never accepted, and
	// the fold goes on: one service's broken key is no reason to stop all others.
	Refused func(error)

	mu sync.RWMutex
	// By the subject of publication, so that no service can take another's key for its own.
	keys      map[string]ringKey
	withdrawn map[string]bool
	position  uint64
}

type ringKey struct {
	public   ed25519.PublicKey
	notAfter time.Time
}

// Apply folds the facts of one message; a message already folded changes nothing. A key counts only on the subject of the
// service it names, where nobody else may publish.
func (k *Keyring) Apply(position uint64, subject string, facts []proto.Message) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if position <= k.position {
		return
	}
	k.position = position
	for _, fact := range facts {
		var err error
		switch f := fact.(type) {
		case *eventv1.SignerKeyPublished:
			err = k.publish(subject, f)
		case *eventv1.SignerKeyWithdrawn:
			err = k.withdraw(subject, f)
		}
		if err != nil && k.Refused != nil {
			k.Refused(err)
		}
	}
}

func (k *Keyring) publish(subject string, f *eventv1.SignerKeyPublished) error {
	if subject != SignerSubject(f.GetService(), f.GetKeyId()) {
		return fmt.Errorf("signer key %q of %q stands on foreign subject %s", f.GetKeyId(), f.GetService(), subject)
	}
	key, err := decodeKey(f)
	if err != nil || k.withdrawn[subject] {
		return err
	}
	if k.keys == nil {
		k.keys = map[string]ringKey{}
	}
	k.keys[subject] = key
	return nil
}

func (k *Keyring) withdraw(subject string, f *eventv1.SignerKeyWithdrawn) error {
	if subject != SignerSubject(f.GetService(), f.GetKeyId()) {
		return fmt.Errorf("withdrawal of %q of %q stands on foreign subject %s", f.GetKeyId(), f.GetService(), subject)
	}
	if k.withdrawn == nil {
		k.withdrawn = map[string]bool{}
	}
	k.withdrawn[subject] = true
	delete(k.keys, subject)
	return nil
}

func decodeKey(f *eventv1.SignerKeyPublished) (ringKey, error) {
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(f.GetJwk()); err != nil {
		return ringKey{}, fmt.Errorf("signer key %q of %q is no JWK", f.GetKeyId(), f.GetService())
	}
	public, ok := jwk.Key.(ed25519.PublicKey)
	if !ok {
		return ringKey{}, fmt.Errorf("signer key %q of %q is no public Ed25519 key", f.GetKeyId(), f.GetService())
	}
	thumbprint, err := jwk.Thumbprint(thumbprintHash)
	if err != nil || base64.RawURLEncoding.EncodeToString(thumbprint) != f.GetKeyId() {
		return ringKey{}, fmt.Errorf("signer key %q of %q is not named by its thumbprint", f.GetKeyId(), f.GetService())
	}
	return ringKey{public: public, notAfter: f.GetNotAfter().AsTime()}, nil
}

// Position is the position of EVENTS up to which the ring is folded.
func (k *Keyring) Position() uint64 {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.position
}

// Of is the public keys of one service that are not past their end, for those who cannot fold the log themselves.
func (k *Keyring) Of(service string, now time.Time) jose.JSONWebKeySet {
	k.mu.RLock()
	defer k.mu.RUnlock()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for subject, key := range k.keys {
		if id, ok := strings.CutPrefix(subject, SignerSubject(service, "")); ok && now.Before(key.notAfter) {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.public, KeyID: id, Algorithm: string(jose.EdDSA), Use: "sig"})
		}
	}
	slices.SortFunc(set.Keys, func(a, b jose.JSONWebKey) int { return strings.Compare(a.KeyID, b.KeyID) })
	return set
}

func (k *Keyring) key(service, id string) (ringKey, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	key, ok := k.keys[SignerSubject(service, id)]
	return key, ok
}
