package receipt

import (
	"crypto"
	"crypto/ed25519"
	_ "crypto/sha256" // thumbprints, RFC 7638
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Type is the media type in the header of a signed receipt, RFC 8725 §3.11: no access token has it.
const Type = "chancery-receipt+jwt"

// MaxBytes bounds a signed receipt before anything of it is decoded.
const MaxBytes = 4 << 20

// Receipt says of one ending which authorizers refuse what it ended, and which have not said so.
type Receipt struct {
	Issuer string `json:"iss"`
	// IssuedAt is when this receipt was signed; a later one may confirm more.
	IssuedAt *jwt.NumericDate `json:"iat"`
	// Position is where the ending stands in EVENTS.
	Position     uint64         `json:"position"`
	Cause        Cause          `json:"cause"`
	Confirmed    []Confirmation `json:"confirmed"`
	NotConfirmed []Missing      `json:"not_confirmed"`
	SignedOff    []SignedOff    `json:"signed_off"`
	// Complete says that every authorizer that is a member has confirmed.
	Complete bool `json:"complete"`
}

// Cause is the decision that ended something.
type Cause struct {
	// FactID is that of its first fact, the same in the audit view, in every export and in the feed.
	FactID       string    `json:"fact_id"`
	Types        []string  `json:"types"`
	SubjectKind  string    `json:"subject_kind"`
	SubjectID    string    `json:"subject_id"`
	Organization string    `json:"organization,omitempty"`
	ActorID      string    `json:"actor_id"`
	ActorKind    string    `json:"actor_kind"`
	At           time.Time `json:"at"`
	// Digest is the SHA-256 of the stored message.
	Digest string `json:"digest"`
}

// Confirmation is one authorizer's beat at or beyond the ending, and the key of its joining.
type Confirmation struct {
	Beat
	// JoinedAt is where its AuthorizerJoined stands in EVENTS.
	JoinedAt uint64          `json:"joined_at"`
	Key      json.RawMessage `json:"key"`
}

// Missing is an authorizer that is a member and has not confirmed: it may be cut off.
type Missing struct {
	Authorizer  string    `json:"authorizer"`
	Environment string    `json:"environment,omitempty"`
	JoinedAt    uint64    `json:"joined_at"`
	Position    uint64    `json:"position,omitempty"`
	LastHeardAt time.Time `json:"last_heard_at,omitzero"`
}

// SignedOff is an authorizer that was a member at the ending and is none any more: it left, or somebody vouched for it.
type SignedOff struct {
	Authorizer string    `json:"authorizer"`
	By         string    `json:"by"`
	Reason     string    `json:"reason,omitempty"`
	At         time.Time `json:"at"`
}

// Refusals of a receipt.
var (
	ErrMalformed   = errors.New("this is no signed receipt")
	ErrKey         = errors.New("the receipt was signed by a key that is not among those given")
	ErrSignature   = errors.New("the signature of the receipt does not hold")
	ErrUnconfirmed = errors.New("the receipt names a confirmation that does not hold")
)

// Sign is the compact form of the receipt, RFC 7515 §7.1.
func Sign(keyID string, key ed25519.PrivateKey, r Receipt) (string, error) {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}, (&jose.SignerOptions{}).WithType(Type))
	if err != nil {
		return "", err
	}
	return jwt.Signed(s).Claims(r).Serialize()
}

// Verify reads a signed receipt: the issuer's signature, and every confirmation under the key it names. Nothing but the
// receipt and the issuer's keys is needed.
func Verify(compact string, keys jose.JSONWebKeySet) (Receipt, error) {
	var r Receipt
	if len(compact) > MaxBytes || strings.Count(compact, ".") != 2 {
		return r, ErrMalformed
	}
	t, err := jwt.ParseSigned(compact, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || len(t.Headers) != 1 {
		return r, ErrMalformed
	}
	if typ, _ := t.Headers[0].ExtraHeaders[jose.HeaderType].(string); typ != Type {
		return r, ErrMalformed
	}
	named := keys.Key(t.Headers[0].KeyID)
	if len(named) != 1 {
		return r, ErrKey
	}
	if err := t.Claims(named[0].Key, &r); err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if r.Position == 0 || r.IssuedAt == nil || r.Complete != (len(r.NotConfirmed) == 0) {
		return Receipt{}, ErrMalformed
	}
	seen := map[string]bool{}
	for _, c := range r.Confirmed {
		if err := c.check(r.Position); err != nil {
			return Receipt{}, fmt.Errorf("%w: %s: %w", ErrUnconfirmed, c.Authorizer, err)
		}
		if seen[c.Authorizer] {
			return Receipt{}, fmt.Errorf("%w: %s stands there twice", ErrUnconfirmed, c.Authorizer)
		}
		seen[c.Authorizer] = true
	}
	return r, nil
}

func (c Confirmation) check(position uint64) error {
	key, err := Key(c.Key, c.KeyID)
	switch {
	case err != nil:
		return err
	case c.Position < position:
		return fmt.Errorf("it had applied %d of %d", c.Position, position)
	case !c.Holds(key):
		return errors.New("its signature does not hold")
	}
	return nil
}

// Key reads an authorizer's public key and refuses one that is not named by its thumbprint.
func Key(jwk []byte, id string) (ed25519.PublicKey, error) {
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(jwk); err != nil {
		return nil, errors.New("its key is no JWK")
	}
	public, ok := k.Key.(ed25519.PublicKey)
	if !ok || len(public) != ed25519.PublicKeySize {
		return nil, errors.New("its key is no public Ed25519 key")
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil || base64.RawURLEncoding.EncodeToString(sum) != id {
		return nil, errors.New("its key is not named by its thumbprint")
	}
	return public, nil
}

// NewKey is a fresh key of an authorizer, its public half and its name.
func NewKey() (private ed25519.PrivateKey, jwk []byte, id string, err error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, nil, "", err
	}
	k := jose.JSONWebKey{Key: public, Algorithm: string(jose.EdDSA), Use: "sig"}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, nil, "", err
	}
	k.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	jwk, err = json.Marshal(k)
	return private, jwk, k.KeyID, err
}
