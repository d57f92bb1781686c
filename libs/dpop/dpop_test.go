package dpop_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/libs/dpop"
)

const target = "https://api.example/accounts"

type world struct {
	*dpop.Verifier
	ahead atomic.Int64
	key   ed25519.PrivateKey
	jwk   string
}

func newWorld(t testing.TB) *world {
	w := &world{}
	w.Verifier = dpop.New(func() time.Time { return time.Unix(1_800_000_000, 0).Add(time.Duration(w.ahead.Load())) })
	_, w.key, _ = ed25519.GenerateKey(nil)
	raw, err := json.Marshal(jose.JSONWebKey{Key: w.key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	w.jwk = string(raw)
	return w
}

var count atomic.Int64

// claims are those of a good proof, changed as told; a nil value leaves one out.
func (w *world) claims(change map[string]any) string {
	c := map[string]any{"jti": fmt.Sprint("id", count.Add(1)), "htm": "GET", "htu": target, "iat": w.Now().Unix(), "nonce": w.Nonce()}
	for k, v := range change {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	raw, _ := json.Marshal(c)
	return string(raw)
}

func (w *world) sign(header, claims string) string {
	b := base64.RawURLEncoding
	signed := b.EncodeToString([]byte(header)) + "." + b.EncodeToString([]byte(claims))
	return signed + "." + b.EncodeToString(ed25519.Sign(w.key, []byte(signed)))
}

func (w *world) proof(change map[string]any) string {
	return w.sign(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":`+w.jwk+`}`, w.claims(change))
}

func ath(token string) string {
	h := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

func TestAProofIsForOneRequestOnce(t *testing.T) { // D6, X6
	w := newWorld(t)
	good := w.proof(map[string]any{"ath": ath("token")})
	jkt, err := w.Verify([]string{good}, "GET", target, "token")
	if err != nil || len(jkt) != 43 {
		t.Fatalf("%q %v", jkt, err)
	}
	if _, err := w.Verify([]string{good}, "GET", target, "token"); !errors.Is(err, dpop.ErrReplayed) {
		t.Fatalf("presented again: %v", err)
	}
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	signer, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: ec}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	signed, _ := signer.Sign([]byte(w.claims(nil)))
	elliptic, _ := signed.CompactSerialize()
	if _, err := w.Verify([]string{elliptic}, "GET", target, ""); err != nil {
		t.Fatalf("ES256: %v", err)
	}
	header := func(members string) string { return w.sign(`{`+members+`}`, w.claims(nil)) }
	private, _ := json.Marshal(jose.JSONWebKey{Key: w.key})
	now := w.Now().Unix()
	for name, c := range map[string]struct {
		proofs []string
		token  string
		want   error
	}{
		"none":                      {nil, "", dpop.ErrMissing},
		"two":                       {[]string{w.proof(nil), w.proof(nil)}, "", dpop.ErrProof},
		"nonsense":                  {[]string{"nonsense"}, "", dpop.ErrProof},
		"another type":              {[]string{header(`"typ":"JWT","alg":"EdDSA","jwk":` + w.jwk)}, "", dpop.ErrProof},
		"no type":                   {[]string{header(`"alg":"EdDSA","jwk":` + w.jwk)}, "", dpop.ErrProof},
		"no key":                    {[]string{header(`"typ":"dpop+jwt","alg":"EdDSA"`)}, "", dpop.ErrProof},
		"a private key":             {[]string{header(`"typ":"dpop+jwt","alg":"EdDSA","jwk":` + string(private))}, "", dpop.ErrProof},
		"no algorithm":              {[]string{header(`"typ":"dpop+jwt","alg":"none","jwk":` + w.jwk)}, "", dpop.ErrProof},
		"a symmetric algorithm":     {[]string{header(`"typ":"dpop+jwt","alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}`)}, "", dpop.ErrProof},
		"an unknown crit":           {[]string{header(`"typ":"dpop+jwt","alg":"EdDSA","crit":["x"],"jwk":` + w.jwk)}, "", dpop.ErrProof},
		"another method":            {[]string{w.proof(map[string]any{"htm": "POST"})}, "", dpop.ErrProof},
		"the method in lower case":  {[]string{w.proof(map[string]any{"htm": "get"})}, "", dpop.ErrProof},
		"another path":              {[]string{w.proof(map[string]any{"htu": target + "/"})}, "", dpop.ErrProof},
		"another host":              {[]string{w.proof(map[string]any{"htu": "https://api.example.evil/accounts"})}, "", dpop.ErrProof},
		"another port":              {[]string{w.proof(map[string]any{"htu": "https://api.example:8443/accounts"})}, "", dpop.ErrProof},
		"another scheme":            {[]string{w.proof(map[string]any{"htu": "http://api.example/accounts"})}, "", dpop.ErrProof},
		"a user in the address":     {[]string{w.proof(map[string]any{"htu": "https://a@api.example/accounts"})}, "", dpop.ErrProof},
		"no address":                {[]string{w.proof(map[string]any{"htu": nil})}, "", dpop.ErrProof},
		"no method":                 {[]string{w.proof(map[string]any{"htm": nil})}, "", dpop.ErrProof},
		"no id":                     {[]string{w.proof(map[string]any{"jti": nil})}, "", dpop.ErrProof},
		"an endless id":             {[]string{w.proof(map[string]any{"jti": strings.Repeat("x", 300)})}, "", dpop.ErrProof},
		"no time":                   {[]string{w.proof(map[string]any{"iat": nil})}, "", dpop.ErrProof},
		"a time that is text":       {[]string{w.proof(map[string]any{"iat": "now"})}, "", dpop.ErrProof},
		"too old":                   {[]string{w.proof(map[string]any{"iat": now - 301})}, "", dpop.ErrProof},
		"from the future":           {[]string{w.proof(map[string]any{"iat": now + 61})}, "", dpop.ErrProof},
		"no nonce":                  {[]string{w.proof(map[string]any{"nonce": nil})}, "", dpop.ErrNonce},
		"another's nonce":           {[]string{w.proof(map[string]any{"nonce": newWorld(t).Nonce()})}, "", dpop.ErrNonce},
		"an empty nonce":            {[]string{w.proof(map[string]any{"nonce": ""})}, "", dpop.ErrNonce},
		"no hash of the token":      {[]string{w.proof(nil)}, "token", dpop.ErrProof},
		"the hash of another token": {[]string{w.proof(map[string]any{"ath": ath("other")})}, "token", dpop.ErrProof},
		"a claim said twice":        {[]string{w.sign(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":`+w.jwk+`}`, strings.Replace(w.claims(nil), `{`, `{"jti":"a",`, 1))}, "", dpop.ErrProof},
		"more than the limit":       {[]string{w.proof(map[string]any{"x": strings.Repeat("x", 9<<10)})}, "", dpop.ErrProof},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := w.Verify(c.proofs, "GET", target, c.token); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestAddressesAreComparedInOneForm(t *testing.T) { // D6, RFC 9449 §4.3
	w := newWorld(t)
	for said, actual := range map[string]string{
		"https://api.example/accounts?page=2#top": target,
		"HTTPS://API.example:443/accounts":        target,
		target:                                    target + "?page=3",
		"https://api.example":                     "https://api.example/",
		"https://api.example/a%7eb%2fc":           "https://api.example/a~b%2Fc",
		"http://[::1]:80/x":                       "http://[::1]/x",
	} {
		if _, err := w.Verify([]string{w.proof(map[string]any{"htu": said})}, "GET", actual, ""); err != nil {
			t.Errorf("%s for %s: %v", said, actual, err)
		}
	}
	for said, actual := range map[string]string{
		"https://api.example/a/b":   "https://api.example/a%2Fb",
		"https://api.example/A":     "https://api.example/a",
		"https://api.example/a/../": "https://api.example/",
		"api.example/accounts":      target,
		"https:api.example":         target,
	} {
		if _, err := w.Verify([]string{w.proof(map[string]any{"htu": said})}, "GET", actual, ""); !errors.Is(err, dpop.ErrProof) {
			t.Errorf("%s for %s: %v", said, actual, err)
		}
	}
}

func TestANonceEndsAndWhatWasUsedUnderItIsForgotten(t *testing.T) { // D6
	w := newWorld(t)
	first := w.Nonce()
	proof := w.proof(nil)
	w.ahead.Add(int64(dpop.Window))
	if w.Nonce() == first {
		t.Fatal("the nonce did not change")
	}
	if _, err := w.Verify([]string{proof}, "GET", target, ""); err != nil {
		t.Fatalf("the nonce before: %v", err)
	}
	if _, err := w.Verify([]string{proof}, "GET", target, ""); !errors.Is(err, dpop.ErrReplayed) {
		t.Fatalf("again under the nonce before: %v", err)
	}
	w.ahead.Add(int64(dpop.Window))
	if _, err := w.Verify([]string{proof}, "GET", target, ""); !errors.Is(err, dpop.ErrNonce) {
		t.Fatalf("under a nonce that is over: %v", err)
	}
	held := w.proof(nil)
	w.ahead.Add(int64(24 * time.Hour))
	if _, err := w.Verify([]string{held}, "GET", target, ""); !errors.Is(err, dpop.ErrNonce) {
		t.Fatalf("a day later: %v", err)
	}
}

func TestOneOfManyAtOncePasses(t *testing.T) { // D6
	w := newWorld(t)
	proof := w.proof(nil)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := w.Verify([]string{proof}, "GET", target, ""); err == nil {
				passed.Add(1)
			}
		})
	}
	if all.Wait(); passed.Load() != 1 {
		t.Fatalf("%d passed", passed.Load())
	}
}

func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	f.Add(w.proof(nil), "GET", target)
	f.Add("a.b.c", "POST", "https://x/%zz")
	f.Add(w.proof(map[string]any{"htu": "https://[::1"}), "GET", "http://%41/")
	f.Fuzz(func(t *testing.T, proof, method, address string) {
		jkt, err := w.Verify([]string{proof}, method, address, "")
		if (err == nil) != (jkt != "") {
			t.Fatalf("%q with %v", jkt, err)
		}
		if err == nil {
			if _, err := w.Verify([]string{proof}, method, address, ""); err == nil {
				t.Fatal("passed twice")
			}
		}
	})
}
