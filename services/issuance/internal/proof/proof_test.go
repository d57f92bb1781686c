package proof_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/services/issuance/internal/proof"
)

const audience, nonce = "https://portal.example", "n-1"

func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, typ, payload string, more map[jose.HeaderKey]any) string {
	t.Helper()
	o := &jose.SignerOptions{EmbedJWK: true, ExtraHeaders: more}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, o.WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

const good = `{"aud":"https://portal.example","nonce":"n-1"}`

func keys(t testing.TB) map[jose.SignatureAlgorithm]crypto.Signer {
	t.Helper()
	_, ed, err1 := ed25519.GenerateKey(rand.Reader)
	ec, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	r, err3 := rsa.GenerateKey(rand.Reader, 2048)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return map[jose.SignatureAlgorithm]crypto.Signer{jose.EdDSA: ed, jose.ES256: ec, jose.PS256: r}
}

func TestAKeyIsRegisteredByWhoHoldsIt(t *testing.T) { // D5, D16
	for algorithm, key := range keys(t) {
		m, hint, err := proof.Key(sign(t, algorithm, key, proof.Type, good, nil), audience, nonce)
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		var registered map[string]any
		if json.Unmarshal(m.Jwk, &registered) != nil || registered["d"] != nil || registered["kid"] == nil || hint == "" {
			t.Fatalf("registered %s", m.Jwk)
		}
		if digest, _ := proof.Digest(key.Public()); string(digest) != string(m.PublicKeySha256) {
			t.Fatal("another key's digest")
		}
	}
}

func TestAProofIsRefused(t *testing.T) { // D16
	key := keys(t)[jose.EdDSA]
	large, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	private, _ := json.Marshal(jose.JSONWebKey{Key: key})
	_, other, _ := ed25519.GenerateKey(rand.Reader)
	header := func(h string) string { return base64.RawURLEncoding.EncodeToString([]byte(h)) }
	valid := sign(t, jose.EdDSA, key, proof.Type, good, nil)
	parts := strings.Split(valid, ".")
	for name, compact := range map[string]string{
		"of another type":       sign(t, jose.EdDSA, key, "JWT", good, nil),
		"of another audience":   sign(t, jose.EdDSA, key, proof.Type, `{"aud":"https://other.example","nonce":"n-1"}`, nil),
		"of another challenge":  sign(t, jose.EdDSA, key, proof.Type, `{"aud":"https://portal.example","nonce":"n-2"}`, nil),
		"without a challenge":   sign(t, jose.EdDSA, key, proof.Type, `{"aud":"https://portal.example"}`, nil),
		"with an unknown crit":  sign(t, jose.EdDSA, key, proof.Type, good, map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1}),
		"by a longer curve":     sign(t, jose.ES384, large, proof.Type, good, nil),
		"with alg none":         header(`{"alg":"none","typ":"`+proof.Type+`","jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}}`) + "." + parts[1] + ".",
		"with a private member": header(`{"alg":"EdDSA","typ":"`+proof.Type+`","jwk":`+string(private)+`}`) + "." + parts[1] + "." + parts[2],
		"signed by another":     parts[0] + "." + parts[1] + "." + strings.Split(sign(t, jose.EdDSA, other, proof.Type, good, nil), ".")[2],
		"changed":               parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(good+" ")) + "." + parts[2],
		"empty":                 "",
		"too long":              valid + strings.Repeat("A", 9000),
	} {
		if _, _, err := proof.Key(compact, audience, nonce); err == nil {
			t.Errorf("a proof %s is accepted", name)
		}
	}
	if _, _, err := proof.Key(sign(t, jose.EdDSA, key, proof.Type, `{"aud":"https://portal.example","nonce":""}`, nil), audience, ""); err == nil {
		t.Error("an empty challenge is answered")
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err == nil {
		if _, err := proof.Accepted(&small.PublicKey); err == nil {
			t.Error("a short RSA key is accepted")
		}
	}
}

func TestAChallengeIsGoodForItsOrganisationAndItsTime(t *testing.T) {
	c, now := proof.NewChallenges(make([]byte, 32)), time.Now()
	challenge, until := c.New("o", now)
	if err := proof.NewChallenges(make([]byte, 32)).Check(challenge, "o", until.Add(-time.Second)); err != nil {
		t.Fatalf("another instance does not know it: %v", err)
	}
	flipped := "B" + challenge[1:]
	for name, err := range map[string]error{
		"of another organisation": c.Check(challenge, "p", now), "too late": c.Check(challenge, "o", until),
		"changed": c.Check(flipped, "o", now), "empty": c.Check("", "o", now),
		"under another pepper": proof.NewChallenges(make([]byte, 33)).Check(challenge, "o", now),
	} {
		if err == nil {
			t.Errorf("a challenge %s is good", name)
		}
	}
}

func request(t testing.TB, key crypto.Signer) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"ignored.example"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func TestACertificateRequestIsSignedByItsKey(t *testing.T) { // D5
	for algorithm, key := range keys(t) {
		got, err := proof.Request(request(t, key))
		if err != nil || !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(got) {
			t.Fatalf("%s: %v", algorithm, err)
		}
	}
	good := request(t, keys(t)[jose.EdDSA])
	b, _ := pem.Decode([]byte(good))
	b.Bytes[len(b.Bytes)-1] ^= 1
	for name, text := range map[string]string{"forged": string(pem.EncodeToMemory(b)), "two": good + good, "empty": "", "of another kind": strings.ReplaceAll(good, "REQUEST", "")} {
		if _, err := proof.Request(text); err == nil {
			t.Errorf("a request that is %s is accepted", name)
		}
	}
}

func FuzzKey(f *testing.F) {
	for algorithm, key := range keys(f) {
		f.Add(sign(f, algorithm, key, proof.Type, good, nil))
	}
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, compact string) {
		m, _, err := proof.Key(compact, audience, nonce)
		if err == nil && (len(m.PublicKeySha256) != 32 || strings.Contains(string(m.Jwk), `"d":`)) {
			t.Fatalf("accepted %q as %s", compact, m.Jwk)
		}
	})
}

func FuzzRequest(f *testing.F) {
	for _, key := range keys(f) {
		f.Add(request(f, key))
	}
	f.Add("-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		if key, err := proof.Request(text); err == nil {
			if _, err := proof.Accepted(key); err != nil {
				t.Fatalf("accepted a key that is not: %v", err)
			}
		}
	})
}
