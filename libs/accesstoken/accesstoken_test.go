package accesstoken_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/chancery-dev/chancery/libs/accesstoken"
)

var now = time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)

func claims() accesstoken.Claims {
	return accesstoken.Claims{
		Issuer: "https://i.example", Subject: "c1", ClientID: "c1", Audience: jwt.Audience{"https://api.example"},
		Expires: jwt.NewNumericDate(now.Add(5 * time.Minute)), IssuedAt: jwt.NewNumericDate(now), ID: "t1", Scope: "a:read b:read",
		Generation: 1, Seen: 17,
	}
}

func TestATokenIsReadByWhomItIsForAndNobodyElse(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(nil)
	_, stranger, _ := ed25519.GenerateKey(nil)
	signer, err := accesstoken.NewSigner("k1", private)
	if err != nil {
		t.Fatal(err)
	}
	good, err := signer.Sign(claims())
	if err != nil {
		t.Fatal(err)
	}
	expect := accesstoken.Expect{Issuer: "https://i.example", Audience: "https://api.example", Now: now, Skew: 5 * time.Second,
		Key: func(id string) (ed25519.PublicKey, bool) { return public, id == "k1" }}
	c, err := accesstoken.Verify(good, expect)
	if err != nil || c.Seen != 17 || c.KeyID != "k1" || len(c.Scopes()) != 2 {
		t.Fatalf("%+v %v", c, err)
	}
	with := func(key ed25519.PrivateKey, keyID string, change func(*accesstoken.Claims)) string {
		s, _ := accesstoken.NewSigner(keyID, key)
		x := claims()
		if change != nil {
			change(&x)
		}
		out, _ := s.Sign(x)
		return out
	}
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + "."
	confused, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: []byte(public), KeyID: "k1"}}, (&jose.SignerOptions{}).WithType("at+jwt"))
	hmac, _ := jwt.Signed(confused).Claims(claims()).Serialize()
	plain, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: "k1"}}, (&jose.SignerOptions{}).WithType("JWT"))
	identity, _ := jwt.Signed(plain).Claims(claims()).Serialize()
	critical, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: "k1"}},
		(&jose.SignerOptions{}).WithType("at+jwt").WithHeader("crit", []string{"x"}).WithHeader("x", 1))
	crit, _ := jwt.Signed(critical).Claims(claims()).Serialize()
	for name, bad := range map[string]struct {
		token string
		want  error
	}{
		"no algorithm":        {none, accesstoken.ErrMalformed},
		"key confusion":       {hmac, accesstoken.ErrMalformed},
		"not an access token": {identity, accesstoken.ErrMalformed},
		"an unknown crit":     {crit, nil},
		"another key":         {with(stranger, "k1", nil), accesstoken.ErrSignature},
		"an unknown key":      {with(stranger, "k2", nil), accesstoken.ErrKey},
		"another issuer":      {with(private, "k1", func(c *accesstoken.Claims) { c.Issuer = "https://j.example" }), accesstoken.ErrIssuer},
		"another audience":    {with(private, "k1", func(c *accesstoken.Claims) { c.Audience = jwt.Audience{"x"} }), accesstoken.ErrAudience},
		"expired":             {with(private, "k1", func(c *accesstoken.Claims) { c.Expires = jwt.NewNumericDate(now.Add(-time.Minute)) }), accesstoken.ErrExpired},
		"without an expiry":   {with(private, "k1", func(c *accesstoken.Claims) { c.Expires = nil }), accesstoken.ErrMalformed},
		"from the future":     {with(private, "k1", func(c *accesstoken.Claims) { c.IssuedAt = jwt.NewNumericDate(now.Add(time.Minute)) }), accesstoken.ErrNotYet},
		"one byte changed":    {parts[0] + "." + parts[1][:len(parts[1])-2] + "AA." + parts[2], nil},
		"too large":           {strings.Repeat("a", accesstoken.MaxBytes+1), accesstoken.ErrMalformed},
		"an API key":          {"chy_test_x", accesstoken.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := accesstoken.Verify(bad.token, expect); err == nil || bad.want != nil && !errors.Is(err, bad.want) {
				t.Errorf("got %v, want %v", err, bad.want)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	public, private, _ := ed25519.GenerateKey(nil)
	signer, _ := accesstoken.NewSigner("k1", private)
	good, _ := signer.Sign(claims())
	f.Add(good)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := accesstoken.Verify(token, accesstoken.Expect{Issuer: "https://i.example", Audience: "https://api.example", Now: now,
			Key: func(string) (ed25519.PublicKey, bool) { return public, true }})
		if err == nil && c.ID != "t1" {
			t.Fatalf("accepted %q", token)
		}
	})
}
