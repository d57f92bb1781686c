// Package jws reads compact signatures of RFC 7515 made with keys that others hold: proofs of possession and assertions of
// clients. The algorithm is never taken from the message alone: it must be one of a short list and fit the key.
package jws

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4/json"
)

// Refusals; all look alike to who sent the message.
var (
	ErrMalformed = errors.New("jws: not a compact signature")
	ErrCritical  = errors.New("jws: a critical header is not understood")
	ErrAlgorithm = errors.New("jws: the algorithm is not accepted or does not fit the key")
	ErrKey       = errors.New("jws: the key is not a public key of an accepted kind")
	ErrSignature = errors.New("jws: the signature does not hold")
)

// Header is what is read of a header.
type Header struct {
	Algorithm string          `json:"alg"`
	Type      string          `json:"typ"`
	KeyID     string          `json:"kid"`
	JWK       json.RawMessage `json:"jwk"`
	Critical  json.RawMessage `json:"crit"`
}

// Message is a compact signature taken apart; until Verify holds nothing in it is true.
type Message struct {
	Header    Header
	payload   []byte
	signed    string
	signature []byte
}

// Parse takes a compact signature of at most limit bytes apart. A header with a critical extension, a name said twice or
// trailing bits is refused.
func Parse(compact string, limit int) (Message, error) {
	var m Message
	if len(compact) > limit || strings.ContainsAny(compact, "\r\n") {
		return m, ErrMalformed
	}
	head, rest, ok := strings.Cut(compact, ".")
	body, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 {
		return m, ErrMalformed
	}
	header, err := strict.DecodeString(head)
	if err != nil {
		return m, ErrMalformed
	}
	if m.payload, err = strict.DecodeString(body); err != nil {
		return m, ErrMalformed
	}
	if m.signature, err = strict.DecodeString(signature); err != nil || len(m.signature) == 0 {
		return m, ErrMalformed
	}
	if err := json.Unmarshal(header, &m.Header); err != nil {
		return m, ErrMalformed
	}
	if m.Header.Critical != nil {
		return m, ErrCritical
	}
	m.signed = compact[:len(head)+1+len(body)]
	return m, nil
}

var strict = base64.RawURLEncoding.Strict()

// Verify checks the signature and reads the claims into a struct; a claim said twice is refused.
func (m Message) Verify(key Key, claims any) error {
	if err := key.verify(m.Header.Algorithm, m.signed, m.signature); err != nil {
		return err
	}
	if err := json.Unmarshal(m.payload, claims); err != nil {
		return ErrMalformed
	}
	return nil
}

// Peek reads the claims before the signature is known to hold: only to find the key that it must hold for.
func (m Message) Peek(claims any) error {
	if err := json.Unmarshal(m.payload, claims); err != nil {
		return ErrMalformed
	}
	return nil
}
