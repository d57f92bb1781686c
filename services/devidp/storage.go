package devidp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Assurance levels the provider asserts and understands in acr_values.
const (
	ACRSingle = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	ACRMulti  = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
)

const (
	pendingFor = 15 * time.Minute
	pendingMax = 1000
)

var errUnknown = errors.New("unknown or over")

// storage is what one issuer remembers: sign-ins under way, codes and its key, all in memory.
type storage struct {
	organization Organization
	people       map[string]Person // by subject
	key          signingKey
	faults       *faults

	mu      sync.Mutex
	pending map[string]*request
	codes   map[string]string
	order   []string
}

func newStorage(o Organization, f *faults) (*storage, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	s := &storage{organization: o, people: map[string]Person{}, faults: f, pending: map[string]*request{},
		codes: map[string]string{}, key: signingKey{id: token(), private: private}}
	for _, p := range o.People {
		s.people[Subject(o.Slug, p.Email)] = p
	}
	return s, nil
}

// Subject is the sub claim of a person at an organisation's issuer, the same at every start.
func Subject(slug, email string) string {
	sum := sha256.Sum256([]byte(slug + "\x00" + strings.ToLower(email)))
	return hex.EncodeToString(sum[:10])
}

func token() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if code, ok := strings.CutPrefix(r.LoginHint, "error:"); ok {
		return nil, injected(code)
	}
	if r.CodeChallenge == "" || r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("code_challenge with method S256 is required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.order) > 0 && (len(s.order) >= pendingMax || s.gone(s.order[0])) {
		delete(s.pending, s.order[0])
		s.order = s.order[1:]
	}
	q := &request{id: token(), code: digits(), created: time.Now(), asked: *r}
	s.pending[q.id] = q
	s.order = append(s.order, q.id)
	return *q, nil
}

func (s *storage) gone(id string) bool {
	q, ok := s.pending[id]
	return !ok || time.Since(q.created) > pendingFor
}

// find answers a copy of a sign-in under way.
func (s *storage) find(id string) (request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone(id) {
		return request{}, errUnknown
	}
	return *s.pending[id], nil
}

// update changes a sign-in under way.
func (s *storage) update(id string, change func(*request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q, ok := s.pending[id]; ok {
		change(q)
	}
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	q, err := s.find(id)
	return q, err
}

func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id, ok := s.codes[code]
	delete(s.codes, code)
	s.mu.Unlock()
	if !ok {
		return nil, errUnknown
	}
	q, err := s.find(id)
	if s.faults.take(s.organization.Slug, FaultNonce) {
		q.asked.Nonce = token()
	}
	return q, err
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, id)
	return nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return token(), time.Now().Add(5 * time.Minute), nil
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	if s.faults.take(s.organization.Slug, FaultSignature) {
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return signingKey{id: s.key.id, private: other}, err
	}
	return s.key, nil
}

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey(s.key)}, nil }

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.organization.ClientID {
		return nil, errUnknown
	}
	return client{s.organization}, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.organization.ClientID || secret != s.organization.ClientSecret {
		return errUnknown
	}
	return nil
}

func (s *storage) SetUserinfoFromScopes(_ context.Context, u *oidc.UserInfo, subject, _ string, scopes []string) error {
	p, ok := s.people[subject]
	if !ok {
		return errUnknown
	}
	u.Subject = subject
	if slices.Contains(scopes, oidc.ScopeProfile) {
		u.Name, u.PreferredUsername = s.faults.name(p), p.Email
	}
	if slices.Contains(scopes, oidc.ScopeEmail) {
		u.Email = p.Email
		u.AppendClaims("email_verified", !s.faults.take(s.organization.Slug, FaultEmail))
	}
	u.AppendClaims("groups", s.faults.groups(p))
	return nil
}

func (s *storage) SetUserinfoFromToken(ctx context.Context, u *oidc.UserInfo, _, subject, _ string) error {
	return s.SetUserinfoFromScopes(ctx, u, subject, "", []string{oidc.ScopeProfile, oidc.ScopeEmail})
}

func (s *storage) Health(context.Context) error { return nil }

// What follows serves grants this provider does not offer.

func (s *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errUnknown
}

func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errUnknown
}

func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error { return nil }

func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errUnknown
}

func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnknown
}

func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errUnknown
}
