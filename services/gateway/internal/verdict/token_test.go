package verdict_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

func (s *suite) mint(t testing.TB, id string, change func(*accesstoken.Claims)) string {
	t.Helper()
	signer, err := accesstoken.NewSigner(s.Key, s.Private)
	if err != nil {
		t.Fatal(err)
	}
	c := accesstoken.Claims{
		Issuer: "https://portal.example", Subject: id, ClientID: id, Audience: jwt.Audience{accesstoken.AudienceOf(s.Product)},
		Expires: jwt.NewNumericDate(now.Add(10 * time.Minute)), IssuedAt: jwt.NewNumericDate(now), ID: uuid.NewString(), Scope: "accounts:read",
		Generation: 1, Application: s.Application, Organization: s.Organization, Product: s.Product, Environment: "sandbox", Seen: s.memory.Lineage.Position(),
	}
	if change != nil {
		change(&c)
	}
	token, err := signer.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// X6
func TestAnAccessTokenIsAsGoodAsWhatItDescendsFrom(t *testing.T) {
	s := set(t)
	id, _ := s.Issue("client_secret", "accounts:read")
	_, key := s.Issue("api_key", "accounts:read")
	token := s.mint(t, id, nil)
	if v := s.expect(t, with(token), ""); v.Token == "" || v.Credential.ID() != id {
		t.Errorf("%+v", v)
	}
	for name, change := range map[string]func(*accesstoken.Claims){
		"another issuer":      func(c *accesstoken.Claims) { c.Issuer = "https://evil.example" },
		"another product":     func(c *accesstoken.Claims) { c.Product = uuid.NewString() },
		"another environment": func(c *accesstoken.Claims) { c.Environment = "production" },
		"an unknown client":   func(c *accesstoken.Claims) { c.ClientID = uuid.NewString() },
		"no generation":       func(c *accesstoken.Claims) { c.Generation = 9 },
		"from the future":     func(c *accesstoken.Claims) { c.IssuedAt = jwt.NewNumericDate(now.Add(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) { s.expect(t, with(s.mint(t, id, change)), verdict.Unknown) })
	}
	s.expect(t, with(s.mint(t, id, func(c *accesstoken.Claims) { c.Expires = jwt.NewNumericDate(now) })), verdict.Expired)
	s.expect(t, with(s.mint(t, id, func(c *accesstoken.Claims) { c.Seen = 1000 })), verdict.Stale)
	s.expect(t, with(s.mint(t, id, func(c *accesstoken.Claims) { c.Scope = "payments:write" })), verdict.ScopeMissing)
	s.expect(t, with(s.mint(t, id, func(c *accesstoken.Claims) { c.Audience = jwt.Audience{"urn:x"} })), verdict.AudienceMismatch)
	s.expect(t, with(token[:len(token)-4]+"AAAA"), verdict.Unknown)
	s.expect(t, with(strings.Replace(token, ".", "..", 1)), verdict.Unknown)

	single := s.mint(t, id, func(c *accesstoken.Claims) { c.ID = "11111111-1111-7111-8111-111111111111" })
	s.expect(t, with(single), "")
	s.Append("issuance", "token", "11111111-1111-7111-8111-111111111111", &issuancev1.TokenRevoked{})
	s.expect(t, with(single), verdict.Revoked)
	s.expect(t, with(token), "")

	s.Append("issuance", "signing_key", s.Key, &issuancev1.SigningKeyRetired{KeyId: s.Key})
	s.expect(t, with(token), "")
	s.Append("issuance", "signing_key", s.Key, &issuancev1.SigningKeyCompromised{KeyId: s.Key})
	s.expect(t, with(token), verdict.KeyCompromised)
	s.expect(t, with(key), "")
	s.clock = now.Add(10 * time.Minute)
	s.expect(t, with(token), verdict.Expired)
}

func BenchmarkAuthorizeATokenSeenBefore(b *testing.B) {
	s := set(b)
	id, _ := s.Issue("client_secret", "accounts:read")
	r := with(s.mint(b, id, nil))
	b.ReportAllocs()
	for b.Loop() {
		if v := s.ask(r); !v.Allowed() {
			b.Fatal(v.Reason)
		}
	}
}

func BenchmarkAuthorizeATokenAtFirstSight(b *testing.B) {
	s := set(b)
	id, _ := s.Issue("client_secret", "accounts:read")
	all := make([]verdict.Request, 4000)
	for i := range all {
		all[i] = with(s.mint(b, id, nil))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(all) == 0 { // none is remembered
			s.authorizer = &verdict.Authorizer{Fold: s.memory.Fold, Issuer: s.authorizer.Issuer, Now: s.authorizer.Now}
		}
		if v := s.ask(all[i%len(all)]); !v.Allowed() {
			b.Fatal(v.Reason)
		}
	}
}
