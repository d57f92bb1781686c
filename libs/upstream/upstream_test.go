package upstream_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/upstream"
)

const product = "urn:chancery:product:p1"

type world struct {
	signer *principal.Signer
	keys   *upstream.Keys
	asked  atomic.Int64
	set    atomic.Pointer[jose.JSONWebKeySet]
	ahead  time.Duration
}

func (w *world) now() time.Time { return time.Unix(1_800_000_000, 0).Add(w.ahead) }

func newSigner(t testing.TB) (*principal.Signer, jose.JSONWebKey) {
	s, err := principal.NewSigner("gateway", time.Now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(s.Public().GetJwk()); err != nil {
		t.Fatal(err)
	}
	return s, key
}

func newWorld(t testing.TB) *world {
	w := &world{}
	signer, key := newSigner(t)
	w.signer = signer
	w.set.Store(&jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
	server := httptest.NewServer(http.HandlerFunc(func(a http.ResponseWriter, _ *http.Request) {
		w.asked.Add(1)
		_ = json.NewEncoder(a).Encode(w.set.Load())
	}))
	t.Cleanup(server.Close)
	w.keys = &upstream.Keys{URL: server.URL, Now: w.now}
	return w
}

func (w *world) verifier() upstream.Verifier {
	return upstream.Verifier{Audience: product, Key: w.keys.Key, Now: w.now}
}

func (w *world) claims() upstream.Context {
	return upstream.Context{Issuer: upstream.Issuer, Subject: "c1", Audience: product, IssuedAt: w.now().Unix(), Expires: w.now().Add(time.Minute).Unix(),
		Decision: "d1", Client: "c1", Application: "a1", Organization: "o1", Environment: "sandbox", Scope: "accounts:read payments:write"}
}

func (w *world) signed(t testing.TB, change func(*upstream.Context)) string {
	t.Helper()
	c := w.claims()
	if change != nil {
		change(&c)
	}
	s, err := w.signer.SignAs(upstream.Type, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnUpstreamBelievesTheAuthorizerAlone(t *testing.T) { // A14
	w := newWorld(t)
	stranger, _ := newSigner(t)
	forged, _ := stranger.SignAs(upstream.Type, w.claims())
	token, _ := w.signer.Sign(principal.Principal{ID: "portal", Kind: principal.Service}, product)
	plain, _ := w.signer.SignAs("JWT", w.claims())
	good := w.signed(t, nil)
	for name, c := range map[string]struct {
		header []string
		good   bool
	}{
		"good":                      {[]string{good}, true},
		"none":                      {nil, false},
		"two":                       {[]string{good, good}, false},
		"a stranger's":              {[]string{forged}, false},
		"an internal token":         {[]string{token}, false},
		"of another type":           {[]string{plain}, false},
		"for another product":       {[]string{w.signed(t, func(c *upstream.Context) { c.Audience = "urn:chancery:product:p2" })}, false},
		"of another issuer":         {[]string{w.signed(t, func(c *upstream.Context) { c.Issuer = "x" })}, false},
		"over":                      {[]string{w.signed(t, func(c *upstream.Context) { c.IssuedAt -= 66; c.Expires -= 66 })}, false},
		"from the future":           {[]string{w.signed(t, func(c *upstream.Context) { c.IssuedAt += 6; c.Expires += 6 })}, false},
		"living too long":           {[]string{w.signed(t, func(c *upstream.Context) { c.Expires++ })}, false},
		"without a decision":        {[]string{w.signed(t, func(c *upstream.Context) { c.Decision = "" })}, false},
		"with one letter changed":   {[]string{good[:len(good)-5] + "AAAAA"}, false},
		"with its signature gone":   {[]string{good[:strings.LastIndexByte(good, '.')+1]}, false},
		"something else altogether": {[]string{`client="c1"`}, false},
	} {
		_, err := w.verifier().Verify(&http.Request{Header: http.Header{upstream.Header: c.header}})
		if (err == nil) != c.good || err != nil && !errors.Is(err, upstream.ErrContext) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSameScopesCountBehindTheGateway(t *testing.T) { // A14
	w := newWorld(t)
	served := w.verifier().Guard(http.HandlerFunc(func(a http.ResponseWriter, r *http.Request) {
		c, ok := upstream.From(r.Context())
		if !ok || c.Client != "c1" {
			t.Errorf("%+v", c)
		}
		a.WriteHeader(http.StatusNoContent)
	}), "payments:write")
	ask := func(context string) int {
		a, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set(upstream.Header, context)
		served.ServeHTTP(a, r)
		return a.Code
	}
	if got := ask(w.signed(t, nil)); got != 204 {
		t.Errorf("good: %d", got)
	}
	if got := ask(w.signed(t, func(c *upstream.Context) { c.Scope = "payments:writer accounts:read" })); got != 403 {
		t.Errorf("without the scope: %d", got)
	}
	if got := ask("x"); got != 401 {
		t.Errorf("without a context: %d", got)
	}
}

func TestKeysAreAskedForWhenTheyAreNewAndForgottenWhenWithdrawn(t *testing.T) { // A14
	w := newWorld(t)
	verify := func(context string) error {
		_, err := w.verifier().Verify(&http.Request{Header: http.Header{upstream.Header: {context}}})
		return err
	}
	if err := verify(w.signed(t, nil)); err != nil {
		t.Fatal(err)
	}
	next, key := newSigner(t)
	w.signer = next
	w.set.Store(&jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
	for range 100 {
		_ = verify(w.signed(t, nil))
	}
	if n := w.asked.Load(); n != 1 {
		t.Errorf("asked %d times within a second", n)
	}
	w.ahead += time.Second
	if err := verify(w.signed(t, nil)); err != nil {
		t.Errorf("a new key: %v", err)
	}
	w.set.Store(&jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}})
	w.ahead += time.Minute
	if err := verify(w.signed(t, nil)); err == nil {
		t.Error("a withdrawn key still counts after a minute")
	}
}

func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	good := w.signed(f, nil)
	f.Add(good)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, context string) {
		if c, err := w.verifier().Verify(&http.Request{Header: http.Header{upstream.Header: {context}}}); err == nil && c != w.claims() {
			t.Fatalf("accepted %q", context)
		}
	})
}
