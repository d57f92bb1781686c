package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// Algorithms are those accepted: RFC 7518 §3.1, RFC 8037 §3.1 and, by its name of RFC 9864, Ed25519.
var Algorithms = []string{"EdDSA", "Ed25519", "ES256", "PS256", "RS256"}

const minModulus, maxModulus = 2048, 4096

// Key is somebody's public key.
type Key struct {
	// Thumbprint is that of RFC 7638 with SHA-256, base64url.
	Thumbprint string
	public     crypto.PublicKey
	algorithm  string // the only one it may be used with; empty for any that fits
}

// private are the members of a key that nobody but its holder may have, RFC 7518 §6.
var private = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// ParseKey reads a public JSON Web Key: Ed25519, P-256 or RSA of 2048 to 4096 bits. A private or symmetric one is refused.
func ParseKey(jwk []byte) (Key, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(jwk, &members) != nil || slices.ContainsFunc(private, func(m string) bool { _, ok := members[m]; return ok }) {
		return Key{}, ErrKey
	}
	var parsed jose.JSONWebKey
	if parsed.UnmarshalJSON(jwk) != nil || parsed.Use != "" && parsed.Use != "sig" {
		return Key{}, ErrKey
	}
	switch k := parsed.Key.(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return Key{}, ErrKey
		}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minModulus || bits > maxModulus || k.E < 3 || k.E%2 == 0 {
			return Key{}, ErrKey
		}
	default:
		return Key{}, ErrKey
	}
	thumbprint, err := parsed.Thumbprint(crypto.SHA256)
	if err != nil {
		return Key{}, ErrKey
	}
	return Key{base64.RawURLEncoding.EncodeToString(thumbprint), parsed.Key, parsed.Algorithm}, nil
}

func (k Key) verify(algorithm, signed string, signature []byte) error {
	if k.algorithm != "" && k.algorithm != algorithm {
		return ErrAlgorithm
	}
	sum := sha256.Sum256([]byte(signed))
	holds := false
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		if algorithm != "EdDSA" && algorithm != "Ed25519" {
			return ErrAlgorithm
		}
		holds = ed25519.Verify(public, []byte(signed), signature)
	case *ecdsa.PublicKey:
		if algorithm != "ES256" {
			return ErrAlgorithm
		}
		// RFC 7518 §3.4: two numbers of 32 bytes.
		holds = len(signature) == 64 && ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case *rsa.PublicKey:
		switch algorithm {
		case "RS256":
			holds = rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
		case "PS256":
			holds = rsa.VerifyPSS(public, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		default:
			return ErrAlgorithm
		}
	default:
		return ErrKey
	}
	if !holds {
		return ErrSignature
	}
	return nil
}
