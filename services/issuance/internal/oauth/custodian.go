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
	// KeyLife is how long a key is good for verifying; its turn to sign is over when it is KeyTurn old.
	KeyLife = 90 * 24 * time.Hour
	KeyTurn = 30 * 24 * time.Hour
	// KeyLead is how long a key is published before it signs, so that whoever keeps the set of keys for a while has it by then.
	KeyLead = 24 * time.Hour
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
	// Fold waits until the keys are folded up to a position.
	Fold eventlog.Frontier
	Now  func() time.Time
}

// Notices are when, before a key's end, its successor is published and its turn is over.
var Notices = map[string][]time.Duration{"signing_key": {KeyLife - KeyTurn + KeyLead, KeyLife - KeyTurn}}

// Ensure sees to it that a key signs whose turn has not ended, and that its successor is published in time. Two instances at
// once make two keys; the later signs.
func (c Custodian) Ensure(ctx context.Context) error {
	ctx = eventlog.WithMeta(ctx, custodian())
	_, notAfter, active := c.Keys.Active()
	_, next := c.Keys.Next()
	left := notAfter.Sub(c.Now()) - (KeyLife - KeyTurn)
	switch {
	case active && left > KeyLead, active && left > 0 && next:
		return nil
	case active && left > 0:
		_, err := c.publish(ctx)
		return err
	}
	_, err := c.Turn(ctx)
	return err
}

func custodian() eventlog.Meta {
	return eventlog.Meta{Actor: &eventv1.Actor{Id: "issuance.custodian", Kind: "service"}}
}

// Turned says which key signs from here on, and in place of which.
type Turned struct {
	KeyID    string
	Previous string
	// Position is that of the last decision.
	Position uint64
}

// Turn lets the next key sign, one made now if none is published, and the one before sign nothing more. What that one
// signed stays good.
func (c Custodian) Turn(ctx context.Context) (t Turned, err error) {
	m := eventlog.MetaFrom(ctx)
	m.CommandID = "" // several decisions of one aggregate are several commands
	ctx = eventlog.WithMeta(ctx, m)
	t.Previous, _, _ = c.Keys.Active()
	if next, ok := c.Keys.Next(); ok {
		t.KeyID = next
	} else if t.KeyID, err = c.publish(ctx); err != nil {
		return t, err
	}
	out, err := c.Repository.Handle(ctx, t.KeyID, signingkey.Activate{KeyID: t.KeyID})
	if err == nil && t.Previous != "" {
		out, err = c.Repository.Handle(ctx, t.Previous, signingkey.Retire{KeyID: t.Previous})
	}
	if err != nil {
		return t, err
	}
	t.Position = out.Position
	return t, c.Fold.WaitFor(ctx, t.Position)
}

// publish makes a key and tells of its public half, once its private half is stored. Whoever asked for it, the custodian
// made it: it does not end with the session of an administrator.
func (c Custodian) publish(ctx context.Context) (string, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return "", err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	keyID := id.String()
	public, err := json.Marshal(jose.JSONWebKey{
		Key: ed25519.NewKeyFromSeed(seed).Public(), KeyID: keyID, Algorithm: string(jose.EdDSA), Use: "sig",
	})
	if err != nil {
		return "", err
	}
	if err := c.Vault.Put(ctx, vaultKind, keyID, seed); err != nil {
		return "", err
	}
	m := eventlog.MetaFrom(ctx)
	m.OnBehalfOf, m.Actor = m.Actor, custodian().Actor
	if m.OnBehalfOf.GetId() == m.Actor.GetId() {
		m.OnBehalfOf = nil
	}
	_, err = c.Repository.Handle(eventlog.WithMeta(ctx, m), keyID, signingkey.Create{KeyID: keyID, Algorithm: string(jose.EdDSA), JWK: public, NotAfter: c.Now().Add(KeyLife)})
	return keyID, err
}
