package doors_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/upstream"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/worldtest"
)

const (
	issuer = "https://portal.example"
	host   = "api.example"
)

// call is one call of a client at whatever gateway.
type call struct {
	method, target, host, environment, address string
	header                                     http.Header
	certificate                                []byte
	// prove makes the proofs of possession for an authorizer's nonce.
	prove func(nonce string) []string
}

// presented is one credential in some condition.
type presented struct {
	text        string
	certificate []byte
	bound       bool
}

type world struct {
	*worldtest.World
	memory *worldtest.Memory
	now    time.Time
	sign   func(upstream.Context) (string, error)

	// all are credentials in every condition, good those with which calls may pass.
	all, good []presented
	proofs    jose.Signer
	count     int
}

func (w *world) clock() time.Time { return w.now }

func sumOf(der []byte) [32]byte { return sha256.Sum256(der) }

func newWorld(t testing.TB) *world {
	t.Helper()
	fingerprints := secret.NewFingerprints(make([]byte, 32))
	w := &world{memory: worldtest.NewMemory(t), now: time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC), sign: signer(t)}
	w.World = worldtest.Make(w.memory.Append, fingerprints, w.now)
	w.Publish(uuid.NewString(), uuid.NewString(), "/cards/v1", w.Organization, worldtest.Operations)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if w.proofs, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: private}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")); err != nil {
		t.Fatal(err)
	}
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	w.credentials(t, base64.RawURLEncoding.EncodeToString(sum))
	return w
}

// credentials makes every kind in every condition.
func (w *world) credentials(t testing.TB, jkt string) {
	add := func(text string) { w.all = append(w.all, presented{text: text}) }
	_, good := w.Issue("api_key", "accounts:read")
	_, wide := w.Issue("api_key", "accounts:read", "payments:write")
	revoked, revokedKey := w.Issue("api_key", "accounts:read")
	w.Append("issuance", "credential", revoked, &issuancev1.CredentialRevoked{})
	expired, expiredKey := w.Issue("api_key", "accounts:read")
	w.Append("issuance", "credential", expired, &issuancev1.CredentialExpired{})
	rotated, old := w.Issue("api_key", "accounts:read")
	successor := w.Rotate(rotated, time.Hour)
	w.Append("issuance", "credential", rotated, &issuancev1.CredentialRetired{Generation: 1})
	other := worldtest.Make(w.memory.Append, w.Fingerprints, w.now)
	_, suspended := other.Issue("api_key", "accounts:read")
	w.Append("registry", "application", other.Application, &registryv1.ApplicationSuspended{})
	third := worldtest.Make(w.memory.Append, w.Fingerprints, w.now)
	_, stranger := third.Issue("api_key", "accounts:read")
	_, clientSecret := w.Issue("client_secret", "accounts:read")
	for _, key := range []string{good, good, wide, wide, revokedKey, expiredKey, old, successor, suspended, stranger, clientSecret, secret.NewKey(secret.Test).Reveal(),
		good[:len(good)-1] + "!", strings.ToUpper(good), "chy_", "x"} {
		add(key)
	}
	mine := []byte("a certificate")
	sum := sumOf(mine)
	id := uuid.NewString()
	w.Append("issuance", "credential", id, &issuancev1.CredentialIssued{Kind: "client_certificate", GrantId: w.Grant, RequestId: w.Request, ApplicationId: w.Application,
		OrganizationId: w.Organization, ProductId: w.Product, Scopes: []string{"accounts:read"}, Environment: "sandbox", Generation: 1,
		Key: &issuancev1.KeyMaterial{CertificateSha256: sum[:]}, ExpiresAt: timestamppb.New(w.now.Add(time.Hour))})
	w.all = append(w.all, presented{certificate: mine}, presented{certificate: []byte("nobody's")}, presented{text: good, certificate: mine})

	client, _ := w.Issue("client_secret", "accounts:read", "payments:write")
	signing, err := accesstoken.NewSigner(w.Key, w.Private)
	if err != nil {
		t.Fatal(err)
	}
	mint := func(change func(*accesstoken.Claims)) string {
		c := accesstoken.Claims{Issuer: issuer, Subject: client, ClientID: client, Audience: jwt.Audience{accesstoken.AudienceOf(w.Product)},
			Expires: jwt.NewNumericDate(w.now.Add(10 * time.Minute)), IssuedAt: jwt.NewNumericDate(w.now), ID: uuid.NewString(), Scope: "accounts:read", Generation: 1,
			Application: w.Application, Organization: w.Organization, Product: w.Product, Environment: "sandbox", Seen: w.memory.Lineage.Position()}
		if change != nil {
			change(&c)
		}
		token, err := signing.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	single := uuid.NewString()
	w.Append("issuance", "token", single, &issuancev1.TokenRevoked{})
	token := mint(nil)
	for _, text := range []string{token, token, mint(func(c *accesstoken.Claims) { c.Scope = "payments:write" }),
		mint(func(c *accesstoken.Claims) { c.Scope = "accounts:read payments:write" }),
		mint(func(c *accesstoken.Claims) { c.Subject, c.Actor = "p1", &accesstoken.Actor{Subject: client} }),
		mint(func(c *accesstoken.Claims) { c.Audience = jwt.Audience{"https://" + host + "/ledger/v1"} }),
		mint(func(c *accesstoken.Claims) { c.Audience = jwt.Audience{"urn:x"} }), mint(func(c *accesstoken.Claims) { c.ID = single }),
		mint(func(c *accesstoken.Claims) { c.Expires = jwt.NewNumericDate(w.now) }), mint(func(c *accesstoken.Claims) { c.Environment = "production" }),
		token[:len(token)-6] + "AAAAAA", "a.b.c", token + "." + strings.Repeat("a", 16<<10)} {
		add(text)
	}
	bound := mint(func(c *accesstoken.Claims) { c.Confirmation = &accesstoken.Confirmation{JKT: jkt} })
	x5t := mint(func(c *accesstoken.Claims) {
		c.Confirmation = &accesstoken.Confirmation{X5T: base64.RawURLEncoding.EncodeToString(sum[:])}
	})
	w.good = []presented{{text: good}, {text: wide}, {text: successor}, {certificate: mine}, {text: token}, {text: bound, bound: true}, {text: x5t, certificate: mine}}
	w.all = append(w.all, w.good...)
	w.all = append(w.all, w.good[5], w.good[5])
	w.all = append(w.all, presented{text: token, bound: true}, presented{text: bound}, presented{text: x5t, certificate: mine}, presented{text: x5t, certificate: []byte("a thief's")}, presented{text: x5t})
}

var (
	methods = []string{"GET", "GET", "GET", "GET", "POST", "HEAD", "DELETE", "PUT", "get", "PATCH", "OPTIONS"}
	targets = []string{
		"/ledger/v1/accounts", "/ledger/v1/accounts", "/ledger/v1/accounts", "/ledger/v1/accounts/7", "/ledger/v1/payments", "/cards/v1/accounts", "/ledger/v1/open", "/ledger/v1/nothing",
		"/", "/ledger/v1", "/ledger/v1/", "/ledger/v1//accounts", "//ledger/v1/accounts", "/ledger/v1/accounts/", "/ledger/v1/x/../accounts", "/ledger/v1/./accounts",
		"/ledger/v1/%2e%2e/accounts", "/ledger/v1%2Faccounts", "/ledger/v1/accounts%00", "/ledger/v1/accounts%2f7", "/ledger/v1/%61ccounts", "/LEDGER/v1/accounts", "/ledger/v1/ACCOUNTS",
		"/ledger/v1/accounts;a=b", "/ledger/v1/accounts/%C3%A9", "/ledger/v1/accounts/é", "/ledger/v1/accounts?_method=DELETE", "/ledger/v1/accounts?limit=2", "/ledger/v1/accounts?%5fmethod=DELETE",
		"/ledger/v1/accounts/%252e%252e", "/ledger/v1/accounts/..%5c..", "/ledger/v1\\accounts", "/ledger/v1/accounts?api_key=chy_test_x&access_token=y",
	}
	forgeries = []string{"X-Original-URI", "X-Original-Method", "X-Original-Client-Cert", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Tls-Client-Cert", "X-Forwarded-Client-Cert",
		"X-Caddy-Client-Cert", "X-Rewrite-Url", "X-Original-Host", "Chancery-Context", "Chancery-Decision", "Forwarded"}
	overrides = []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// call makes any call, most of them nearly good.
func (w *world) call(r *rand.Rand) call {
	c := call{method: pick(r, methods), target: pick(r, targets), host: host, environment: "sandbox", address: fmt.Sprintf("203.0.%d.%d", 100+r.IntN(3), r.IntN(256)), header: http.Header{}}
	if r.IntN(12) == 0 {
		c.environment = "production"
	}
	if r.IntN(30) == 0 {
		c.target += "?" + strings.Repeat("a", 9000)
	}
	for range r.IntN(3) {
		c.header.Set(pick(r, forgeries), pick(r, []string{"GET", "/ledger/v1/accounts", "forged", "-----BEGIN CERTIFICATE-----"}))
	}
	if r.IntN(25) == 0 {
		c.header.Set(pick(r, overrides), "DELETE")
	}
	p := pick(r, w.all)
	if r.IntN(2) == 0 { // a good call, spoilt in one way at most
		plain := call{method: "GET", target: "/ledger/v1/accounts", host: host, environment: "sandbox", address: c.address, header: http.Header{}}
		switch r.IntN(6) {
		case 0:
			plain.method = c.method
		case 1:
			plain.target = c.target
		case 2:
			plain.header = c.header
		}
		c, p = plain, pick(r, w.good)
	}
	c.certificate = p.certificate
	if p.text == "" {
		return c
	}
	w.present(r, &c, p)
	return c
}

func (w *world) present(r *rand.Rand, c *call, p presented) {
	scheme := "Bearer "
	if p.bound {
		scheme = "DPoP "
		w.prove(r, c, p.text)
	}
	switch r.IntN(24) {
	case 0:
		c.header.Add("Authorization", scheme+p.text)
		c.header.Add("Authorization", scheme+p.text)
	case 1:
		c.header.Set("Authorization", scheme+p.text+","+scheme+p.text)
	case 2:
		c.header.Set("X-API-Key", p.text)
		c.header.Set("Authorization", scheme+p.text)
	case 3:
		c.header.Set("Authorization", pick(r, []string{"Basic ", "Bearer", "", "Digest "})+p.text)
	case 4, 5, 6:
		c.header.Set("X-API-Key", p.text)
	case 7:
		c.header.Set("Authorization", strings.ToLower(scheme)+p.text)
	case 8:
		c.target += pick(r, []string{"?", "&"}) + "access_token=" + p.text[:min(len(p.text), 2000)]
	default:
		c.header.Set("Authorization", scheme+p.text)
	}
}

// prove adds a proof of possession, often a good one.
func (w *world) prove(r *rand.Rand, c *call, token string) {
	w.count++
	path, _, _ := strings.Cut(c.target, "?")
	sum := sha256.Sum256([]byte(token))
	claims := map[string]any{"jti": fmt.Sprint("p", w.count), "htm": c.method, "htu": "https://" + host + path, "iat": w.now.Unix(), "ath": base64.RawURLEncoding.EncodeToString(sum[:])}
	copies := 1
	noNonce := false
	switch r.IntN(12) {
	case 0:
		claims["htm"] = "PATCHED"
	case 1:
		claims["htu"] = "https://evil.example" + path
	case 2:
		claims["ath"] = "x"
	case 3:
		noNonce = true
	case 4:
		copies = 2
	case 5:
		copies = 0
	}
	c.prove = func(nonce string) (out []string) {
		if claims["nonce"] = nonce; noNonce {
			delete(claims, "nonce")
		}
		body, err := json.Marshal(claims)
		if err != nil {
			panic(err)
		}
		signed, err := w.proofs.Sign(body)
		if err != nil {
			panic(err)
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			panic(err)
		}
		for range copies {
			out = append(out, text)
		}
		return out
	}
}

// signer signs contexts as an authorizer does.
func signer(t testing.TB) func(upstream.Context) (string, error) {
	s, err := principal.NewSigner("gateway", time.Now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return func(c upstream.Context) (string, error) { return s.SignAs(upstream.Type, c) }
}
