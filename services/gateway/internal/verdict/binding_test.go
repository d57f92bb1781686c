package verdict_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/dpop"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/certificate"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// holder is who holds a DPoP key.
type holder struct {
	signer jose.Signer
	jkt    string
}

func newHolder(t testing.TB) *holder {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: private}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(5) // crypto.SHA256
	if err != nil {
		t.Fatal(err)
	}
	return &holder{s, base64.RawURLEncoding.EncodeToString(sum)}
}

func (h *holder) proof(t testing.TB, method, address, token, nonce string, at time.Time) string {
	sum := sha256.Sum256([]byte(token))
	body, err := json.Marshal(map[string]any{"jti": uuid.NewString(), "htm": method, "htu": address, "iat": at.Unix(), "nonce": nonce,
		"ath": base64.RawURLEncoding.EncodeToString(sum[:])})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := h.signer.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const address = "https://api.example/ledger/v1/accounts"

// proving is a call with a token and a proof.
func proving(scheme, token string, proofs ...string) verdict.Request {
	r := with("")
	r.Authorization, r.Proof, r.Scheme, r.Host = []string{scheme + " " + token}, proofs, "https", "api.example"
	return r
}

// D6, X6
func TestABoundTokenPassesOnlyWithAFreshProofOfItsKey(t *testing.T) {
	s := set(t)
	s.authorizer.Proofs = dpop.New(s.authorizer.Now)
	id, _ := s.Issue("client_secret", "accounts:read")
	h, thief := newHolder(t), newHolder(t)
	bind := func(c *accesstoken.Claims) { c.Confirmation = &accesstoken.Confirmation{JKT: h.jkt} }
	token, other, free := s.mint(t, id, bind), s.mint(t, id, bind), s.mint(t, id, nil)
	nonce := s.authorizer.Proofs.Nonce
	good := h.proof(t, "GET", address, token, nonce(), now)
	s.expect(t, proving("DPoP", token, good), "")
	s.expect(t, proving("DPoP", token, good), verdict.ProofReplayed)
	s.expect(t, proving("dpop", token, h.proof(t, "GET", address+"?page=2", token, nonce(), now)), "")
	for name, c := range map[string]struct {
		r    verdict.Request
		want verdict.Reason
	}{
		"as a bearer token":          {proving("Bearer", token), verdict.ProofMissing},
		"as one, with a proof":       {proving("Bearer", token, h.proof(t, "GET", address, token, nonce(), now)), verdict.ProofMissing},
		"without a proof":            {proving("DPoP", token), verdict.ProofMissing},
		"without a nonce":            {proving("DPoP", token, h.proof(t, "GET", address, token, "", now)), verdict.NonceNeeded},
		"with another's nonce":       {proving("DPoP", token, h.proof(t, "GET", address, token, dpop.New(s.authorizer.Now).Nonce(), now)), verdict.NonceNeeded},
		"of a thief":                 {proving("DPoP", token, thief.proof(t, "GET", address, token, nonce(), now)), verdict.ProofRefused},
		"for another method":         {proving("DPoP", token, h.proof(t, "POST", address, token, nonce(), now)), verdict.ProofRefused},
		"for another path":           {proving("DPoP", token, h.proof(t, "GET", address+"/7", token, nonce(), now)), verdict.ProofRefused},
		"for another host":           {proving("DPoP", token, h.proof(t, "GET", "https://api.evil/ledger/v1/accounts", token, nonce(), now)), verdict.ProofRefused},
		"for another token":          {proving("DPoP", token, h.proof(t, "GET", address, other, nonce(), now)), verdict.ProofRefused},
		"two proofs":                 {proving("DPoP", token, good, good), verdict.ProofRefused},
		"nonsense":                   {proving("DPoP", token, "x"), verdict.ProofRefused},
		"a free token as if bound":   {proving("DPoP", free, h.proof(t, "GET", address, free, nonce(), now)), verdict.ProofMissing},
		"a key as if bound":          {proving("DPoP", "chy_test_x", h.proof(t, "GET", address, "chy_test_x", nonce(), now)), verdict.Unknown},
		"bound to what nobody knows": {proving("Bearer", s.mint(t, id, func(c *accesstoken.Claims) { c.Confirmation = &accesstoken.Confirmation{} })), verdict.ProofRefused},
	} {
		t.Run(name, func(t *testing.T) { s.expect(t, c.r, c.want) })
	}
	// Whoever cannot prove possession does not learn that the token was revoked.
	s.Append("issuance", "credential", id, &issuancev1.CredentialRevoked{})
	s.expect(t, proving("DPoP", token, h.proof(t, "GET", address, token, "", now)), verdict.NonceNeeded)
	s.expect(t, proving("DPoP", token, thief.proof(t, "GET", address, token, nonce(), now)), verdict.ProofRefused)
	s.expect(t, proving("DPoP", token, h.proof(t, "GET", address, token, nonce(), now)), verdict.Revoked)
}

// D5
func TestATokenBoundToACertificatePassesOnlyOverItsConnection(t *testing.T) {
	s := set(t)
	id, _ := s.Issue("client_secret", "accounts:read")
	mine, thiefs := []byte("my certificate"), []byte("a thief's")
	sum := sha256.Sum256(mine)
	token := s.mint(t, id, func(c *accesstoken.Claims) {
		c.Confirmation = &accesstoken.Confirmation{X5T: base64.RawURLEncoding.EncodeToString(sum[:])}
	})
	r := with(token)
	s.expect(t, r, verdict.ProofMissing)
	r.Certificate = certificate.Of(mine)
	s.expect(t, r, "")
	r.Certificate = certificate.Of(thiefs)
	s.expect(t, r, verdict.ProofRefused)
	r.Certificate = certificate.In(certificate.XFCC, "nonsense")
	s.expect(t, r, verdict.ProofRefused)
}

// D5
func TestACertificateIsACredential(t *testing.T) {
	s := set(t)
	mine := []byte("my certificate")
	sum := sha256.Sum256(mine)
	id := uuid.NewString()
	s.Append("issuance", "credential", id, &issuancev1.CredentialIssued{
		Kind: "client_certificate", GrantId: s.Grant, RequestId: s.Request, ApplicationId: s.Application, OrganizationId: s.Organization, ProductId: s.Product,
		Scopes: []string{"accounts:read"}, Environment: "sandbox", Generation: 1, Key: &issuancev1.KeyMaterial{CertificateSha256: sum[:]},
		ExpiresAt: timestamppb.New(now.Add(time.Hour)),
	})
	r := with("")
	r.Authorization, r.Certificate = nil, certificate.Of(mine)
	if v := s.expect(t, r, ""); v.Credential.ID() != id {
		t.Errorf("%+v", v)
	}
	r.Certificate = certificate.Of([]byte("another"))
	s.expect(t, r, verdict.Unknown)
	r.Certificate = certificate.In(certificate.Base64, "?")
	s.expect(t, r, verdict.Malformed)
	// Beside another credential it is only the connection's.
	_, key := s.Issue("api_key", "accounts:read")
	r = with(key)
	r.Certificate = certificate.Of(mine)
	if v := s.expect(t, r, ""); v.Credential.Kind != "api_key" {
		t.Errorf("%+v", v)
	}
	// A token may be issued to it too, and to a client that holds a key.
	s.expect(t, with(s.mint(t, id, nil)), "")
	next := sha256.Sum256([]byte("its successor"))
	s.Append("issuance", "credential", id, &issuancev1.CredentialRotationStarted{Generation: 2, PreviousGeneration: 1, Key: &issuancev1.KeyMaterial{CertificateSha256: next[:]},
		ExpiresAt: timestamppb.New(now.Add(time.Hour)), OverlapEndsAt: timestamppb.New(now.Add(time.Minute))})
	r.Authorization, r.Certificate = nil, certificate.Of([]byte("its successor"))
	s.expect(t, r, "")
	s.Append("issuance", "credential", id, &issuancev1.CredentialRevoked{})
	s.expect(t, r, verdict.Revoked)
}

// E7
func TestATokenIsForTheProductByItsNameOrItsAddress(t *testing.T) {
	s := set(t)
	id, _ := s.Issue("client_secret", "accounts:read")
	for audience, want := range map[string]verdict.Reason{
		accesstoken.AudienceOf(s.Product): "", "https://api.example/ledger/v1": "", "https://api.example/ledger/v1/": "",
		"https://api.example/ledger": verdict.AudienceMismatch, "https://other.example/ledger/v1": verdict.AudienceMismatch, "http://api.example/ledger/v1": verdict.AudienceMismatch,
	} {
		r := with(s.mint(t, id, func(c *accesstoken.Claims) { c.Audience = jwt.Audience{audience} }))
		r.Scheme, r.Host = "https", "api.example"
		s.expect(t, r, want)
	}
}
