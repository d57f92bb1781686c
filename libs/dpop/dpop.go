// Package dpop verifies proofs of possession of RFC 9449, each of which passes once.
package dpop

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/libs/jws"
)

const (
	// Type is the media type in the header of a proof, RFC 9449 §4.2.
	Type = "dpop+jwt"
	// MaxAge is how old a proof may be by its own clock, Skew how far that may be ahead.
	MaxAge = 5 * time.Minute
	Skew   = time.Minute

	maxProof, maxID = 8 << 10, 256
)

// Refusals. ErrNonce is answered with use_dpop_nonce and a nonce, the others with invalid_dpop_proof; ErrMissing says that
// there was no proof at all.
var (
	ErrMissing  = errors.New("dpop: no proof")
	ErrProof    = errors.New("dpop: the proof is not good")
	ErrNonce    = errors.New("dpop: the proof needs a nonce of this server")
	ErrReplayed = errors.New("dpop: the proof was used before")
)

// Verifier checks proofs for one server. Safe for concurrent use.
type Verifier struct {
	Now    func() time.Time
	Nonces *Nonces
}

// New is a verifier with nonces of its own.
func New(now func() time.Time) *Verifier { return &Verifier{Now: now, Nonces: NewNonces()} }

// Nonce is what the header DPoP-Nonce of an answer says, RFC 9449 §8.
func (v *Verifier) Nonce() string { return v.Nonces.Current(v.Now()) }

type claims struct {
	ID       string   `json:"jti"`
	Method   string   `json:"htm"`
	Target   string   `json:"htu"`
	IssuedAt *float64 `json:"iat"`
	Hash     string   `json:"ath"`
	Nonce    string   `json:"nonce"`
}

// Verify checks the one value of the header DPoP against the request it came with, RFC 9449 §4.3, and gives the thumbprint
// of the key whose possession is proven. With an access token the proof must be for that token; whoever calls compares the
// thumbprint with the token's own. A proof that held does not hold again.
func (v *Verifier) Verify(header []string, method, target string, accessToken string) (jkt string, err error) {
	switch {
	case len(header) == 0:
		return "", ErrMissing
	case len(header) > 1:
		return "", fmt.Errorf("%w: more than one", ErrProof)
	}
	m, err := jws.Parse(header[0], maxProof)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrProof, err)
	}
	if m.Header.Type != Type || len(m.Header.JWK) == 0 {
		return "", fmt.Errorf("%w: its header is not that of a proof", ErrProof)
	}
	key, err := jws.ParseKey(m.Header.JWK)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrProof, err)
	}
	var c claims
	if err := m.Verify(key, &c); err != nil {
		return "", fmt.Errorf("%w: %w", ErrProof, err)
	}
	if err := v.check(c, method, target, accessToken); err != nil {
		return "", err
	}
	h := sha256.Sum256([]byte(key.Thumbprint + "." + c.ID))
	switch err := v.Nonces.use(c.Nonce, [16]byte(h[:16]), v.Now()); {
	case errors.Is(err, errUsed):
		return "", ErrReplayed
	case err != nil:
		return "", err
	}
	return key.Thumbprint, nil
}

func (v *Verifier) check(c claims, method, target, accessToken string) error {
	now := v.Now()
	if c.ID == "" || len(c.ID) > maxID || c.IssuedAt == nil {
		return fmt.Errorf("%w: a claim is missing or too long", ErrProof)
	}
	want, known := normal(target)
	said, ok := normal(c.Target)
	if c.Method != method || !known || !ok || said != want {
		return fmt.Errorf("%w: it is for another request", ErrProof)
	}
	if accessToken != "" {
		hash := sha256.Sum256([]byte(accessToken))
		if c.Hash != base64.RawURLEncoding.EncodeToString(hash[:]) {
			return fmt.Errorf("%w: it is for another access token", ErrProof)
		}
	}
	// The nonce is judged before the age: a client whose clock is wrong is told of both, one after the other.
	if !v.Nonces.accepts(c.Nonce, now) {
		return ErrNonce
	}
	if age := float64(now.UnixMilli())/1000 - *c.IssuedAt; age > MaxAge.Seconds() || age < -Skew.Seconds() {
		return fmt.Errorf("%w: it is too old or from the future", ErrProof)
	}
	return nil
}
