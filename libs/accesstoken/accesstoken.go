// Package accesstoken is the access token of RFC 9068 as issuance signs it and authorizers and resource servers read it.
package accesstoken

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/chancery-dev/chancery/libs/jws"
)

// Type is the media type in the header, RFC 9068 §2.1.
const Type = "at+jwt"

// MaxBytes bounds a token before anything of it is decoded.
const MaxBytes = 16 << 10

// Claims are those of RFC 9068 §2.2 and what liveness needs: which generation of which credential it was issued to, and
// the position in EVENTS the decision rested on.
type Claims struct {
	Issuer       string           `json:"iss"`
	Subject      string           `json:"sub"`
	ClientID     string           `json:"client_id"`
	Audience     jwt.Audience     `json:"aud"`
	Expires      *jwt.NumericDate `json:"exp"`
	IssuedAt     *jwt.NumericDate `json:"iat"`
	ID           string           `json:"jti"`
	Scope        string           `json:"scope"`
	Generation   uint32           `json:"gen"`
	Application  string           `json:"app"`
	Organization string           `json:"org"`
	Product      string           `json:"prd"`
	Environment  string           `json:"env"`
	Seen         uint64           `json:"seen"`
	// Consent is the family it was issued in, if it acts for a person: the subject.
	Consent string `json:"cst,omitempty"`
	// ACR, AMR and AuthTime say how surely the person was known, RFC 9068 §2.2.1; only a client of the suite itself has them.
	ACR      string           `json:"acr,omitempty"`
	AMR      []string         `json:"amr,omitempty"`
	AuthTime *jwt.NumericDate `json:"auth_time,omitempty"`
	// Confirmation binds the token to a key; nil for a bearer token.
	Confirmation *Confirmation `json:"cnf,omitempty"`
	// Actor is who acts for the subject, RFC 8693 §4.1.
	Actor *Actor `json:"act,omitempty"`
	// Chain is every token this one was exchanged from, nearest first.
	Chain []Link `json:"chn,omitempty"`
	// KeyID is the key that signed it; it stands in the header.
	KeyID string `json:"-"`
}

// AudienceOf is the audience of tokens for a product: what a resource parameter names (RFC 8707 §2).
func AudienceOf(productID string) string { return "urn:chancery:product:" + productID }

// Scopes is the scope claim taken apart, RFC 6749 §3.3.
func (c Claims) Scopes() []string { return strings.Fields(c.Scope) }

// Refusals of a token; all look alike to who presented it.
var (
	ErrMalformed = errors.New("the token is not a signed access token")
	ErrKey       = errors.New("the token was signed by a key that is not known")
	ErrSignature = errors.New("the signature of the token does not hold")
	ErrIssuer    = errors.New("the token is of another issuer")
	ErrAudience  = errors.New("the token is for another audience")
	ErrExpired   = errors.New("the token has expired")
	ErrNotYet    = errors.New("the token is from the future")
)

// Signer signs tokens with one Ed25519 key, RFC 8037.
type Signer struct {
	keyID  string
	signer jose.Signer
}

// NewSigner signs with key under keyID.
func NewSigner(keyID string, key ed25519.PrivateKey) (*Signer, error) {
	s, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: keyID}},
		(&jose.SignerOptions{}).WithType(Type))
	if err != nil {
		return nil, err
	}
	return &Signer{keyID: keyID, signer: s}, nil
}

// KeyID is the key's name in the header.
func (s *Signer) KeyID() string { return s.keyID }

// Sign is the compact form of the token.
func (s *Signer) Sign(c Claims) (string, error) { return jwt.Signed(s.signer).Claims(c).Serialize() }

// Expect is what a token must be for.
type Expect struct {
	Issuer string
	// Audience is one of the token's; empty accepts any, for the issuer's own introspection.
	Audience string
	Now      time.Time
	// Skew is how far clocks may differ.
	Skew time.Duration
	// Key is the public key of a name, or false.
	Key func(keyID string) (ed25519.PublicKey, bool)
}

var strict = base64.RawURLEncoding.Strict()

// header is one that stood before a signature that held, and the key it names. Tokens of one key have one header.
type header struct{ text, keyID string }

var known atomic.Pointer[header]

// keyOf is the key that a header names, if it is that of an access token signed with Ed25519.
func keyOf(head, compact string) (string, bool) {
	if h := known.Load(); h != nil && h.text == head {
		return h.keyID, true
	}
	m, err := jws.Parse(compact, MaxBytes)
	if err != nil || m.Header.Algorithm != string(jose.EdDSA) || !strings.EqualFold(strings.TrimPrefix(m.Header.Type, "application/"), Type) {
		return "", false
	}
	return m.Header.KeyID, true
}

// Verify reads a compact token: header type and algorithm, key, signature, issuer, audience and time. It says nothing of
// whether what the token descends from is still live.
func Verify(compact string, e Expect) (Claims, error) {
	var c Claims
	head, rest, _ := strings.Cut(compact, ".")
	body, last, ok := strings.Cut(rest, ".")
	if !ok || len(compact) > MaxBytes || strings.ContainsAny(compact, "\r\n") {
		return c, ErrMalformed
	}
	keyID, ok := keyOf(head, compact)
	if !ok {
		return c, ErrMalformed
	}
	key, ok := e.Key(keyID)
	if !ok {
		return c, ErrKey
	}
	signature, err := strict.DecodeString(last)
	if err != nil {
		return c, ErrMalformed
	}
	if !ed25519.Verify(key, []byte(compact[:len(head)+1+len(body)]), signature) {
		return c, ErrSignature
	}
	if h := known.Load(); h == nil || h.text != head {
		known.Store(&header{strings.Clone(head), keyID})
	}
	payload, err := strict.DecodeString(body)
	if err != nil {
		return c, ErrMalformed
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return Claims{}, ErrMalformed
	}
	c.KeyID = keyID
	switch {
	case c.Issuer != e.Issuer:
		return Claims{}, ErrIssuer
	case e.Audience != "" && !slices.Contains(c.Audience, e.Audience):
		return Claims{}, ErrAudience
	case c.Expires == nil || c.IssuedAt == nil || c.ID == "" || c.ClientID == "":
		return Claims{}, ErrMalformed
	case !e.Now.Before(c.Expires.Time().Add(e.Skew)):
		return Claims{}, ErrExpired
	case c.IssuedAt.Time().After(e.Now.Add(e.Skew)):
		return Claims{}, ErrNotYet
	}
	return c, nil
}
