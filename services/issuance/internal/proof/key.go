// Package proof reads what consumers hand in to show that they hold a private key, and gives the public side of it.
package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"

	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Type is the typ of a key proof (RFC 7515 §4.1.9).
const Type = "chancery-key-proof+jwt"

// Refusals.
var (
	ErrProof = errors.New("the proof is no JWS with its public key in the header, of this type, over this challenge and audience")
	ErrKey   = errors.New("the key is Ed25519, P-256, or RSA of 2048 to 4096 bits, and only its public part is handed in")
)

// maxProof bounds a proof in bytes; one with a key of 4096 bits has less than half of it.
const maxProof = 8 << 10

type statement struct {
	Audience string `json:"aud"`
	Nonce    string `json:"nonce"`
}

// Key verifies a key proof: a compact JWS (RFC 7515 §7.1) whose header carries the public key as jwk and whose payload says for
// whom it is (aud) and which challenge it answers (nonce). It gives the key as it is registered, and its hint.
func Key(compact, audience, challenge string) (key *issuancev1.KeyMaterial, hint string, err error) {
	if len(compact) > maxProof {
		return nil, "", ErrProof
	}
	signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256, jose.PS256, jose.RS256})
	if err != nil || len(signed.Signatures) != 1 {
		return nil, "", ErrProof
	}
	header := signed.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != Type || header.JSONWebKey == nil {
		return nil, "", ErrProof
	}
	if !header.JSONWebKey.Valid() || !header.JSONWebKey.IsPublic() || private(compact) {
		return nil, "", ErrKey
	}
	public, err := Accepted(header.JSONWebKey.Key)
	if err != nil {
		return nil, "", err
	}
	payload, err := signed.Verify(public)
	if err != nil {
		return nil, "", ErrProof
	}
	var s statement
	if json.Unmarshal(payload, &s) != nil || s.Audience != audience || s.Nonce != challenge || challenge == "" {
		return nil, "", ErrProof
	}
	return registered(public, signed.Signatures[0].Protected.Algorithm)
}

// private says that the header's key has a private member (RFC 7518 §6), which whoever parses it may pass over.
func private(compact string) bool {
	first, _, _ := strings.Cut(compact, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	var header struct {
		JWK map[string]json.RawMessage `json:"jwk"`
	}
	if err != nil || json.Unmarshal(raw, &header) != nil {
		return true
	}
	for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, ok := header.JWK[member]; ok {
			return true
		}
	}
	return false
}

// registered writes the key with its public members alone, named by its thumbprint (RFC 7638).
func registered(public crypto.PublicKey, algorithm string) (*issuancev1.KeyMaterial, string, error) {
	digest, err := Digest(public)
	if err != nil {
		return nil, "", ErrKey
	}
	jwk := jose.JSONWebKey{Key: public, Use: "sig", Algorithm: algorithm}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, "", ErrKey
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	text, err := json.Marshal(jwk)
	if err != nil {
		return nil, "", ErrKey
	}
	return &issuancev1.KeyMaterial{Jwk: text, PublicKeySha256: digest}, jwk.KeyID[:12], nil
}

// Accepted refuses keys of other kinds or sizes, and everything private.
func Accepted(key any) (crypto.PublicKey, error) {
	switch k := key.(type) {
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return k, nil
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			if _, err := k.ECDH(); err == nil { // a point of the curve
				return k, nil
			}
		}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= 4096 && k.E >= 65537 && k.E%2 == 1 {
			return k, nil
		}
	}
	return nil, ErrKey
}

// Digest is the SHA-256 of a key's SubjectPublicKeyInfo, by which it is known for ever.
func Digest(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	return sum[:], nil
}
