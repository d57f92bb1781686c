package oauth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/signingkey"
)

const (
	vaultKind = "signing_key"
	// KeyLife is how long a key is good for verifying, KeyTurn how long it signs.
	KeyLife = 90 * 24 * time.Hour
	KeyTurn = 30 * 24 * time.Hour
)

// Vault keeps private halves.
type Vault interface {
	Put(ctx context.Context, kind, id string, secret []byte) error
	Get(ctx context.Context, kind, id string) ([]byte, error)
}

// FromVault reads private halves.
func FromVault(v Vault) func(ctx context.Context, keyID string) (ed25519.PrivateKey, error) {
	return func(ctx context.Context, keyID string) (ed25519.PrivateKey, error) {
		seed, err := v.Get(ctx, vaultKind, keyID)
		if err != nil {
			return nil, err
		}
		if len(seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("a private key of %d bytes", len(seed))
		}
		return ed25519.NewKeyFromSeed(seed), nil
	}
}

// Fold feeds the keys from EVENTS.
func (k *Keys) Fold(_ context.Context, batch []eventlog.Recorded) error {
	for _, r := range batch {
		if err := k.Apply(r.Facts); err != nil {
			return err
		}
	}
	return nil
}

// Custodian makes signing keys and turns them over on schedule.
type Custodian struct {
	Keys       *Keys
	Vault      Vault
	Repository eventlog.Repository[signingkey.State]
	Now        func() time.Time
}

// Notices are when, before a key's end, its turn is over.
var Notices = map[string][]time.Duration{"signing_key": {KeyLife - KeyTurn}}

// Ensure makes a key unless one signs whose turn has not ended. Two instances at once make two keys; the later signs.
func (c Custodian) Ensure(ctx context.Context) error {
	old, notAfter, active := c.Keys.Active()
	if active && c.Now().Before(notAfter.Add(KeyTurn-KeyLife)) {
		return nil
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	keyID := id.String()
	public, err := json.Marshal(jose.JSONWebKey{
		Key: ed25519.NewKeyFromSeed(seed).Public(), KeyID: keyID, Algorithm: string(jose.EdDSA), Use: "sig",
	})
	if err != nil {
		return err
	}
	ctx = eventlog.WithMeta(ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: "issuance.custodian", Kind: "service"}})
	// The private half is stored before anybody is told of the public one.
	if err := c.Vault.Put(ctx, vaultKind, keyID, seed); err != nil {
		return err
	}
	if _, err := c.Repository.Handle(ctx, keyID, signingkey.Create{KeyID: keyID, Algorithm: string(jose.EdDSA), JWK: public, NotAfter: c.Now().Add(KeyLife)}); err != nil {
		return err
	}
	if _, err := c.Repository.Handle(ctx, keyID, signingkey.Activate{KeyID: keyID}); err != nil {
		return err
	}
	if active {
		_, err = c.Repository.Handle(ctx, old, signingkey.Retire{KeyID: old})
	}
	return err
}
