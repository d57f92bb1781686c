// Package oauth is the authorization server: client authentication, tokens, introspection, revocation and metadata.
package oauth

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// ErrNoKey says that no signing key is active yet.
var ErrNoKey = errors.New("no signing key is active")

// Keys is every signing key, folded from EVENTS; private halves come from the vault when first needed.
// The zero value with Private set is ready. Safe for concurrent use.
type Keys struct {
	// Private reads the private half of a key from the vault.
	Private func(ctx context.Context, keyID string) (ed25519.PrivateKey, error)

	mu     sync.RWMutex
	keys   map[string]*key
	active string
	next   string // published, and to sign when the turn of the active one is over
	signer *accesstoken.Signer
}

type key struct {
	public      ed25519.PublicKey
	notAfter    time.Time
	compromised bool
}

// Apply folds the facts of one message.
func (k *Keys) Apply(facts []aggregate.Event) error {
	for _, fact := range facts {
		switch e := fact.(type) {
		case *issuancev1.SigningKeyCreated:
			var jwk jose.JSONWebKey
			if err := json.Unmarshal(e.Jwk, &jwk); err != nil {
				return fmt.Errorf("signing key %s: %w", e.KeyId, err)
			}
			public, ok := jwk.Key.(ed25519.PublicKey)
			if !ok {
				return fmt.Errorf("signing key %s is no Ed25519 public key", e.KeyId)
			}
			k.mu.Lock()
			if k.keys == nil {
				k.keys = map[string]*key{}
			}
			k.keys[e.KeyId] = &key{public: public, notAfter: e.NotAfter.AsTime()}
			k.next = e.KeyId
			k.mu.Unlock()
		case *issuancev1.SigningKeyActivated:
			k.mu.Lock()
			k.active, k.signer = e.KeyId, nil
			if k.next == e.KeyId {
				k.next = ""
			}
			k.mu.Unlock()
		case *issuancev1.SigningKeyRetired:
			k.deactivate(e.KeyId, false)
		case *issuancev1.SigningKeyCompromised:
			k.deactivate(e.KeyId, true)
		}
	}
	return nil
}

func (k *Keys) deactivate(id string, compromised bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.active == id {
		k.active, k.signer = "", nil
	}
	if known := k.keys[id]; known != nil && compromised {
		// Who had this one may have the next one too, which lay beside it.
		known.compromised, k.next = true, ""
	}
	if k.next == id {
		k.next = ""
	}
}

// Active is the id of the key that signs and when it ends, or false.
func (k *Keys) Active() (id string, notAfter time.Time, ok bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if known := k.keys[k.active]; known != nil {
		return k.active, known.notAfter, true
	}
	return "", time.Time{}, false
}

// Next is the key that is published and has not signed yet, or false.
func (k *Keys) Next() (id string, ok bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.next, k.next != ""
}

// Public is the verification key of a name; a compromised one is none.
func (k *Keys) Public(id string) (ed25519.PublicKey, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	known := k.keys[id]
	if known == nil || known.compromised {
		return nil, false
	}
	return known.public, true
}

// Signer signs with the active key.
func (k *Keys) Signer(ctx context.Context) (*accesstoken.Signer, error) {
	k.mu.RLock()
	signer, id := k.signer, k.active
	k.mu.RUnlock()
	if signer != nil {
		return signer, nil
	}
	if id == "" {
		return nil, ErrNoKey
	}
	private, err := k.Private(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", id, err)
	}
	if signer, err = accesstoken.NewSigner(id, private); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.active == id { // another key may have been activated meanwhile
		k.signer = signer
	}
	return signer, nil
}

// Set is the JWKS of every key a token in circulation may be signed with, RFC 7517 §5.
func (k *Keys) Set(now time.Time) jose.JSONWebKeySet {
	k.mu.RLock()
	defer k.mu.RUnlock()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for id, known := range k.keys {
		if !known.compromised && now.Before(known.notAfter) {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: known.public, KeyID: id, Algorithm: string(jose.EdDSA), Use: "sig"})
		}
	}
	return set
}
