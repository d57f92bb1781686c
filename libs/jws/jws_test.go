package jws_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/libs/jws"
)

func publicJWK(t testing.TB, key any) []byte {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, payload string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithType("x"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	compact, _ := s.CompactSerialize()
	return compact
}

func verify(jwk []byte, compact string) error {
	key, err := jws.ParseKey(jwk)
	if err != nil {
		return err
	}
	m, err := jws.Parse(compact, 16<<10)
	if err != nil {
		return err
	}
	var claims struct {
		Is string `json:"is"`
	}
	if err := m.Verify(key, &claims); err != nil {
		return err
	}
	if claims.Is != "so" {
		return errors.New("the claims were not read")
	}
	return nil
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestASignatureHoldsForItsKeyAndAlgorithmAlone(t *testing.T) { // X6
	edPublic, ed, _ := ed25519.GenerateKey(nil)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	big, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	rs, _ := rsa.GenerateKey(rand.Reader, 2048)
	const payload = `{"is":"so"}`
	edJWK, ecJWK, rsJWK := publicJWK(t, edPublic), publicJWK(t, ec.Public()), publicJWK(t, rs.Public())
	good := sign(t, jose.EdDSA, ed, payload)
	for name, c := range map[string]struct {
		jwk     []byte
		compact string
	}{
		"EdDSA":              {edJWK, good},
		"ES256":              {ecJWK, sign(t, jose.ES256, ec, payload)},
		"PS256":              {rsJWK, sign(t, jose.PS256, rs, payload)},
		"RS256":              {rsJWK, sign(t, jose.RS256, rs, payload)},
		"Ed25519 (RFC 9864)": {edJWK, resign(ed, `{"alg":"Ed25519"}`, payload)},
	} {
		if err := verify(c.jwk, c.compact); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	parts := strings.Split(good, ".")
	_, stranger, _ := ed25519.GenerateKey(nil)
	for name, c := range map[string]struct {
		jwk     []byte
		compact string
		want    error
	}{
		"no algorithm":                    {edJWK, b64(`{"alg":"none"}`) + "." + parts[1] + ".AA", jws.ErrAlgorithm},
		"no signature":                    {edJWK, parts[0] + "." + parts[1] + ".", jws.ErrMalformed},
		"two parts":                       {edJWK, parts[0] + "." + parts[1], jws.ErrMalformed},
		"four parts":                      {edJWK, good + ".AA", jws.ErrMalformed},
		"HMAC with the public key":        {edJWK, sign(t, jose.HS256, []byte(edPublic), payload), jws.ErrAlgorithm},
		"HMAC with the RSA key's bytes":   {rsJWK, sign(t, jose.HS256, rs.N.Bytes(), payload), jws.ErrAlgorithm},
		"an elliptic key for RSA":         {rsJWK, sign(t, jose.ES256, ec, payload), jws.ErrAlgorithm},
		"RSA for an elliptic key":         {ecJWK, sign(t, jose.RS256, rs, payload), jws.ErrAlgorithm},
		"RSA for an Edwards key":          {edJWK, sign(t, jose.PS256, rs, payload), jws.ErrAlgorithm},
		"another's key":                   {edJWK, sign(t, jose.EdDSA, stranger, payload), jws.ErrSignature},
		"another payload":                 {edJWK, parts[0] + "." + b64(`{"is":"not"}`) + "." + parts[2], jws.ErrSignature},
		"SHA-512":                         {rsJWK, sign(t, jose.RS512, rs, payload), jws.ErrAlgorithm},
		"a key bound to another":          {jwkWith(edJWK, `"alg":"ES256"`), good, jws.ErrAlgorithm},
		"a key for encryption":            {jwkWith(edJWK, `"use":"enc"`), good, jws.ErrKey},
		"a private key":                   {publicJWK(t, ed), good, jws.ErrKey},
		"an empty private part":           {jwkWith(edJWK, `"d":""`), good, jws.ErrKey},
		"a symmetric key":                 {[]byte(`{"kty":"oct","k":"AAAA"}`), good, jws.ErrKey},
		"another curve":                   {publicJWK(t, big.Public()), sign(t, jose.ES384, big, payload), jws.ErrKey},
		"a small RSA key":                 {[]byte(`{"kty":"RSA","e":"AQAB","n":"` + base64.RawURLEncoding.EncodeToString(rs.N.Bytes()[:128]) + `"}`), good, jws.ErrKey},
		"RSA with the exponent one":       {[]byte(`{"kty":"RSA","e":"AQ","n":"` + base64.RawURLEncoding.EncodeToString(rs.N.Bytes()) + `"}`), good, jws.ErrKey},
		"a point not on the curve":        {[]byte(`{"kty":"EC","crv":"P-256","x":"` + base64.RawURLEncoding.EncodeToString(make([]byte, 32)) + `","y":"` + base64.RawURLEncoding.EncodeToString(make([]byte, 32)) + `"}`), good, jws.ErrKey},
		"an unknown critical extension":   {edJWK, resign(ed, `{"alg":"EdDSA","crit":["x"],"x":1}`, payload), jws.ErrCritical},
		"an empty list of critical ones":  {edJWK, resign(ed, `{"alg":"EdDSA","crit":[]}`, payload), jws.ErrCritical},
		"an algorithm said twice":         {edJWK, resign(ed, `{"alg":"none","alg":"EdDSA"}`, payload), jws.ErrMalformed},
		"an algorithm in another case":    {edJWK, resign(ed, `{"ALG":"EdDSA"}`, payload), jws.ErrAlgorithm},
		"a claim said twice":              {edJWK, resign(ed, `{"alg":"EdDSA"}`, `{"is":"so","is":"so"}`), jws.ErrMalformed},
		"a header that is no object":      {edJWK, resign(ed, `[]`, payload), jws.ErrMalformed},
		"padding":                         {edJWK, parts[0] + "=." + parts[1] + "." + parts[2], jws.ErrMalformed},
		"a line break in the signature":   {edJWK, good[:len(good)-4] + "\n" + good[len(good)-4:], jws.ErrMalformed},
		"more than the limit":             {edJWK, good + strings.Repeat("A", 16<<10), jws.ErrMalformed},
		"a signature with trailing bytes": {ecJWK, sign(t, jose.ES256, ec, payload) + "AAAA", jws.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			if err := verify(c.jwk, c.compact); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func resign(key ed25519.PrivateKey, header, payload string) string {
	signed := b64(header) + "." + b64(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(signed)))
}

func jwkWith(jwk []byte, member string) []byte {
	return []byte(strings.TrimSuffix(string(jwk), "}") + "," + member + "}")
}

func FuzzParse(f *testing.F) {
	public, key, _ := ed25519.GenerateKey(nil)
	good := sign(f, jose.EdDSA, key, `{"is":"so"}`)
	jwk := publicJWK(f, public)
	f.Add(good, jwk)
	f.Add("a.b.c", []byte(`{"kty":"oct"}`))
	f.Add(good+"=", []byte(`{"kty":"RSA","n":"","e":""}`))
	f.Fuzz(func(t *testing.T, compact string, raw []byte) {
		trusted, _ := jws.ParseKey(jwk)
		if m, err := jws.Parse(compact, 16<<10); err == nil && compact != good {
			var claims map[string]any
			if m.Verify(trusted, &claims) == nil {
				t.Fatalf("accepted %q", compact)
			}
		}
		if k, err := jws.ParseKey(raw); err == nil && len(k.Thumbprint) != 43 {
			t.Fatalf("a key with the thumbprint %q", k.Thumbprint)
		}
	})
}
