package intake

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ReceiptType is the media type in the header of a signed receipt.
const ReceiptType = "leak-receipt+jwt"

// Signed is the content of a receipt: when the report came in, and from when on which authorizers refuse what it named.
type Signed struct {
	Issuer     string         `json:"iss"`
	IssuedAt   int64          `json:"iat"`
	Report     string         `json:"report"`
	Source     string         `json:"source"`
	ReceivedAt time.Time      `json:"received_at"`
	DeadAt     time.Time      `json:"dead_at"`
	Position   uint64         `json:"position"`
	Confirmed  []string       `json:"confirmed"`
	Pending    []string       `json:"pending"`
	Secrets    []SignedSecret `json:"secrets"`
}

// SignedSecret is one secret of a receipt.
type SignedSecret struct {
	CredentialID string     `json:"credential_id"`
	Generation   uint32     `json:"generation"`
	EndedAt      *time.Time `json:"ended_at,omitempty"`
	Position     uint64     `json:"position,omitempty"`
}

// Signer is the key that signs tokens at the moment.
type Signer interface {
	Active() (id string, notAfter time.Time, ok bool)
	PrivateKey(ctx context.Context, id string) (ed25519.PrivateKey, error)
}

// ErrNoSigner says that no key signs at the moment.
var ErrNoSigner = errors.New("no signing key is active")

// Sign is the receipt as a compact JWS (RFC 7515), which the published keys of the issuer verify.
func Sign(ctx context.Context, by Signer, content Signed) (string, error) {
	id, _, ok := by.Active()
	if !ok {
		return "", ErrNoSigner
	}
	key, err := by.PrivateKey(ctx, id)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: id}}, (&jose.SignerOptions{}).WithType(ReceiptType))
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(raw)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
