package principal

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	tokenType = "chancery-internal+jwt"
	// TokenLife is the longest a token may live.
	TokenLife = time.Minute
	// Skew is how far the clocks of two services may differ.
	Skew = 5 * time.Second

	maxToken = 8 << 10
)

// ErrToken is every reason for which a token is not accepted; the reason itself is for the log.
var ErrToken = errors.New("principal: the token is not valid")

type claims struct {
	Issuer       string   `json:"iss"`
	Subject      string   `json:"sub"`
	Audience     string   `json:"aud"`
	IssuedAt     int64    `json:"iat"`
	Expires      int64    `json:"exp"`
	ID           string   `json:"jti"`
	Kind         Kind     `json:"kind"`
	Organization string   `json:"org,omitempty"`
	Application  string   `json:"application,omitempty"`
	Roles        []string `json:"roles,omitempty"`
	Session      string   `json:"session,omitempty"`
	SessionSeen  uint64   `json:"session_seen,omitempty"`
	ACR          string   `json:"acr,omitempty"`
	AMR          []string `json:"amr,omitempty"`
	AuthTime     int64    `json:"auth_time,omitempty"`
	Seen         uint64   `json:"seen"`
}

// Signer signs tokens with a key of its own, made at its start. Safe for concurrent use.
type Signer struct {
	service string
	clock   func() time.Time

	mu      sync.RWMutex
	private ed25519.PrivateKey
	signer  jose.Signer
	public  *eventv1.SignerKeyPublished
}

// NewSigner makes a signer and its first key, of which life is how long its tokens are accepted.
func NewSigner(service string, clock func() time.Time, life time.Duration) (*Signer, error) {
	s := &Signer{service: service, clock: clock}
	next, err := s.Next(life)
	if err != nil {
		return nil, err
	}
	next.Use()
	return s, nil
}

// NextKey is a key that is not yet signed with: its public half is to be published first.
type NextKey struct {
	Public *eventv1.SignerKeyPublished
	use    func()
}

// Use signs with this key from here on.
func (n NextKey) Use() { n.use() }

// Next makes a successor key.
func (s *Signer) Next(life time.Duration) (NextKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return NextKey{}, fmt.Errorf("signer key: %w", err)
	}
	jwk := jose.JSONWebKey{Key: public, Algorithm: string(jose.EdDSA), Use: "sig"}
	thumbprint, err := jwk.Thumbprint(thumbprintHash)
	if err != nil {
		return NextKey{}, fmt.Errorf("signer key: %w", err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	encoded, err := jwk.MarshalJSON()
	if err != nil {
		return NextKey{}, fmt.Errorf("signer key: %w", err)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: jwk.KeyID}},
		(&jose.SignerOptions{}).WithType(tokenType))
	if err != nil {
		return NextKey{}, fmt.Errorf("signer key: %w", err)
	}
	fact := &eventv1.SignerKeyPublished{
		Service: s.service, KeyId: jwk.KeyID, Jwk: encoded, NotAfter: timestamppb.New(s.clock().Add(life)),
	}
	return NextKey{Public: fact, use: func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.private, s.signer, s.public = private, signer, fact
	}}, nil
}

// Public is the fact that lets others verify what this signer signs; it belongs on SignerSubject.
func (s *Signer) Public() *eventv1.SignerKeyPublished {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.public
}

// SignerSubject is where a service publishes a signing key.
func SignerSubject(service, keyID string) string { return "events." + service + ".signer." + keyID }

// Sign vouches for p to one audience for at most TokenLife. The token's own seen is p.Seen.
func (s *Signer) Sign(p Principal, audience string) (string, error) {
	now := s.clock()
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	c := claims{
		Issuer: s.service, Subject: p.ID, Audience: audience, IssuedAt: now.Unix(), Expires: now.Add(TokenLife).Unix(),
		ID: base64.RawURLEncoding.EncodeToString(id), Kind: p.Kind, Organization: p.Organization, Application: p.Application,
		Roles: p.Roles, Session: p.Session, SessionSeen: p.SessionSeen, ACR: p.ACR, AMR: p.AMR, Seen: p.Seen,
	}
	if !p.AuthTime.IsZero() {
		c.AuthTime = p.AuthTime.Unix()
	}
	if !p.Expires.IsZero() && p.Expires.Unix() < c.Expires {
		c.Expires = p.Expires.Unix()
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	s.mu.RLock()
	signer := s.signer
	s.mu.RUnlock()
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed.CompactSerialize()
}

// SignAs signs claims of another kind than a principal under a media type of their own, so that neither passes for the other.
func (s *Signer) SignAs(mediaType string, claims any) (string, error) {
	if mediaType == tokenType {
		return "", errors.New("sign: the type of principals is theirs alone")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	s.mu.RLock()
	private, keyID := s.private, s.public.GetKeyId()
	s.mu.RUnlock()
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
	}{string(jose.EdDSA), keyID, mediaType})
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(signed))), nil // RFC 7515 §7.1
}

// Verifier accepts tokens made for one audience.
type Verifier struct {
	Audience string
	Clock    func() time.Time
	Keyring  *Keyring
	// Vouchers may speak for people and clients; any service may speak for itself. Nil means the portal alone.
	Vouchers []string
}

// Verify gives the caller a token speaks for. Every refusal is ErrToken; its text says why, for the log.
func (v Verifier) Verify(token string) (Principal, error) {
	p, err := v.verify(token)
	if err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return p, nil
}

func (v Verifier) verify(token string) (Principal, error) {
	if len(token) > maxToken {
		return Principal{}, errors.New("too long")
	}
	if strings.Count(token, ".") != 2 {
		return Principal{}, errors.New("not a compact JWS")
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return Principal{}, errors.New("not a JWS signed with EdDSA")
	}
	if len(signed.Signatures) != 1 {
		return Principal{}, errors.New("not one signature")
	}
	header := signed.Signatures[0].Protected
	if typ, _ := header.ExtraHeaders[jose.HeaderType].(string); typ != tokenType {
		return Principal{}, errors.New("wrong typ")
	}
	// Only to choose the key: nothing of an unverified payload is used beyond this line.
	var unverified struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &unverified); err != nil {
		return Principal{}, errors.New("claims cannot be read")
	}
	key, ok := v.Keyring.key(unverified.Issuer, header.KeyID)
	if !ok {
		return Principal{}, errors.New("unknown or withdrawn key")
	}
	payload, err := signed.Verify(key.public)
	if err != nil {
		return Principal{}, errors.New("signature does not verify")
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Principal{}, errors.New("claims cannot be read")
	}
	if err := v.check(c, key); err != nil {
		return Principal{}, err
	}
	p := Principal{
		ID: c.Subject, Kind: c.Kind, Organization: c.Organization, Application: c.Application, Roles: c.Roles,
		Session: c.Session, SessionSeen: c.SessionSeen, ACR: c.ACR, AMR: c.AMR,
		Voucher: c.Issuer, KeyID: header.KeyID, TokenID: c.ID, Seen: c.Seen, Expires: time.Unix(c.Expires, 0).UTC(),
	}
	if c.AuthTime != 0 {
		p.AuthTime = time.Unix(c.AuthTime, 0).UTC()
	}
	return p, nil
}

func (v Verifier) check(c claims, key ringKey) error {
	now := v.Clock()
	issued, expires := time.Unix(c.IssuedAt, 0), time.Unix(c.Expires, 0)
	vouchers := v.Vouchers
	if vouchers == nil {
		vouchers = []string{"portal"}
	}
	switch {
	case c.Audience != v.Audience:
		return errors.New("made for another audience")
	case c.Subject == "" || c.ID == "":
		return errors.New("no subject or id")
	case !now.Before(expires):
		return errors.New("expired")
	case issued.After(now.Add(Skew)):
		return errors.New("issued in the future")
	case expires.Sub(issued) > TokenLife:
		return errors.New("lives too long")
	case issued.After(key.notAfter):
		return errors.New("key is past its end")
	case c.AuthTime > now.Add(Skew).Unix():
		return errors.New("authenticated in the future")
	case c.Kind == Service:
		if c.Subject != c.Issuer {
			return errors.New("a service speaks for another")
		}
	case c.Kind == Person || c.Kind == Client:
		if !slices.Contains(vouchers, c.Issuer) {
			return errors.New("issuer may not speak for people or clients")
		}
	default:
		return errors.New("unknown kind of caller")
	}
	return nil
}
