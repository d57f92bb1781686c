package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// SignAs is the compact JWS of a claims set under a media type of its own, so that it never passes for an access token.
func (k *Keys) SignAs(ctx context.Context, typ string, claims any) (string, error) {
	id, _, ok := k.Active()
	if !ok {
		return "", ErrNoKey
	}
	private, err := k.Private(ctx, id)
	if err != nil {
		return "", fmt.Errorf("signing key %s: %w", id, err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: id}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// SigningKey is one key as an administrator sees it.
type SigningKey struct {
	ID string `json:"id"`
	// State is next (published, to sign after the active one), active (it signs), verifying (what it signed is good), expired
	// or compromised.
	State    string    `json:"state" enum:"next,active,verifying,expired,compromised"`
	NotAfter time.Time `json:"not_after" doc:"Until when what it signed may be good"`
}

// All are the keys there have been, oldest first.
func (k *Keys) All(now time.Time) []SigningKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	all := []SigningKey{}
	for id, known := range k.keys {
		state := "verifying"
		switch {
		case known.compromised:
			state = "compromised"
		case !now.Before(known.notAfter):
			state = "expired"
		case id == k.active:
			state = "active"
		case id == k.next:
			state = "next"
		}
		all = append(all, SigningKey{id, state, known.notAfter.UTC()})
	}
	slices.SortFunc(all, func(a, b SigningKey) int { return strings.Compare(a.ID, b.ID) })
	return all
}
