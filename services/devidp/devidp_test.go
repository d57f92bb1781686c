package devidp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/chancery-dev/chancery/services/devidp"
)

const redirect = "http://127.0.0.1:1/auth/callback"

type suite struct {
	provider *devidp.Provider
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
	browser  *http.Client
}

func world(secret string) []devidp.Organization {
	return []devidp.Organization{
		{Slug: "northwind", Name: "Northwind", ClientID: "chancery", ClientSecret: secret, RedirectURIs: []string{redirect},
			People: []devidp.Person{
				{Name: "Oskar Brandt", Email: "oskar.brandt@northwind.example", Groups: []string{"app-owners"}, Factor: devidp.FactorCode},
				{Name: "Olivia Marsh", Email: "olivia.marsh@northwind.example", Groups: []string{"app-owners"}, Factor: devidp.FactorKey},
				{Name: "Nora Whitfield", Email: "nora.whitfield@northwind.example", Groups: []string{"org-admins"}, Factor: devidp.FactorCode},
				{Name: "Viktor Sand", Email: "viktor.sand@northwind.example", Factor: devidp.FactorNone},
			}},
		{Slug: "bluefin", Name: "Bluefin Freight", ClientID: "chancery", RedirectURIs: []string{redirect},
			People: []devidp.Person{{Name: "Ben Achterberg", Email: "ben.achterberg@bluefin.example", Factor: devidp.FactorKey}}},
	}
}

func start(t *testing.T, secret string) suite {
	t.Helper()
	l, err := devidp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := devidp.New("http://"+l.Addr().String(), world(secret))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	found, err := oidc.NewProvider(ctx, p.Issuer("northwind"))
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	return suite{provider: p, verifier: found.Verifier(&oidc.Config{ClientID: "chancery", SupportedSigningAlgs: []string{"ES256"}}),
		config: oauth2.Config{ClientID: "chancery", ClientSecret: secret, Endpoint: found.Endpoint(), RedirectURL: redirect,
			Scopes: []string{"openid", "profile", "email", "groups"}},
		browser: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), redirect) {
				return http.ErrUseLastResponse
			}
			return nil
		}}}
}

type claims struct {
	Name   string   `json:"name"`
	Email  string   `json:"email"`
	Groups []string `json:"groups"`
	ACR    string   `json:"acr"`
	AMR    []string `json:"amr"`
	At     int64    `json:"auth_time"`
	Nonce  string   `json:"nonce"`
}

// answer walks through a sign-in and returns the parameters the client is called back with.
func (s suite) answer(t *testing.T, email, verifier string, o ...oauth2.AuthCodeOption) url.Values {
	t.Helper()
	o = append(o, oidc.Nonce("n-1"), oauth2.S256ChallengeOption(verifier))
	r, err := devidp.Walk(s.browser, s.config.AuthCodeURL("state-1", o...), email)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	back, err := r.Location()
	if err != nil {
		b, _ := io.ReadAll(r.Body)
		t.Fatalf("%s answered %d without a way back: %s", r.Request.URL, r.StatusCode, b)
	}
	return back.Query()
}

func (s suite) signIn(t *testing.T, email string, o ...oauth2.AuthCodeOption) (claims, error) {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	q := s.answer(t, email, verifier, o...)
	if q.Get("state") != "state-1" || q.Get("code") == "" {
		t.Fatalf("called back with %v", q)
	}
	token, err := s.config.Exchange(t.Context(), q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return claims{}, err
	}
	id, err := s.verifier.Verify(t.Context(), token.Extra("id_token").(string))
	if err != nil {
		return claims{}, err
	}
	var c claims
	return c, id.Claims(&c)
}

func TestAPersonSignsInByPickingThemselves(t *testing.T) {
	for _, secret := range []string{"", "s3cret"} {
		s := start(t, secret)
		c, err := s.signIn(t, "oskar.brandt@northwind.example")
		if err != nil {
			t.Fatal(err)
		}
		if c.Name != "Oskar Brandt" || !slices.Equal(c.Groups, []string{"app-owners"}) || c.Nonce != "n-1" {
			t.Errorf("claims %+v", c)
		}
		if c.ACR == devidp.ACRMulti || !slices.Equal(c.AMR, []string{"pwd"}) || time.Since(time.Unix(c.At, 0)) > time.Minute {
			t.Errorf("one factor, now: %+v", c)
		}
	}
}

func TestASecondFactorIsAskedForAndAsserted(t *testing.T) { // A2
	s := start(t, "")
	for email, method := range map[string]string{"oskar.brandt@northwind.example": "otp", "olivia.marsh@northwind.example": "hwk"} {
		c, err := s.signIn(t, email, oauth2.SetAuthURLParam("acr_values", devidp.ACRMulti), oauth2.SetAuthURLParam("prompt", "login"))
		if err != nil {
			t.Fatal(err)
		}
		if c.ACR != devidp.ACRMulti || !slices.Equal(c.AMR, []string{"pwd", method, "mfa"}) {
			t.Errorf("%s: acr %s amr %v", email, c.ACR, c.AMR)
		}
	}
}

func TestNobodyWithoutASecondFactorPasses(t *testing.T) {
	s := start(t, "")
	r, err := devidp.Walk(s.browser, s.config.AuthCodeURL("s", oauth2.S256ChallengeOption("v"),
		oauth2.SetAuthURLParam("acr_values", devidp.ACRMulti)), "viktor.sand@northwind.example")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(r.Body)
	if !strings.Contains(string(b), "has no second factor") {
		t.Fatalf("%d %s", r.StatusCode, b)
	}
}

func TestASessionIsUsedAgainUnlessFreshnessIsAskedFor(t *testing.T) {
	s := start(t, "")
	first, err := s.signIn(t, "oskar.brandt@northwind.example")
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.signIn(t, "nora.whitfield@northwind.example", oauth2.SetAuthURLParam("prompt", "none"))
	if err != nil || again.Email != first.Email || again.At != first.At {
		t.Errorf("the same session: %+v then %+v, %v", first, again, err)
	}
	for _, o := range []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0")} {
		other, err := s.signIn(t, "nora.whitfield@northwind.example", o)
		if err != nil || other.Email != "nora.whitfield@northwind.example" {
			t.Errorf("asked again: %+v %v", other, err)
		}
	}
}

func TestSilentSignInWithoutASessionIsRefused(t *testing.T) {
	s := start(t, "")
	q := s.answer(t, "", "v", oauth2.SetAuthURLParam("prompt", "none"))
	if q.Get("error") != "login_required" || q.Get("state") != "state-1" {
		t.Fatal(q)
	}
}

func TestAnErrorIsInjected(t *testing.T) {
	s := start(t, "")
	q := s.answer(t, "", "v", oauth2.SetAuthURLParam("login_hint", "error:access_denied"))
	if q.Get("error") != "access_denied" || q.Get("error_description") == "" {
		t.Fatal(q)
	}
}

func TestAWrongVerifierGetsNothing(t *testing.T) {
	s := start(t, "")
	q := s.answer(t, "oskar.brandt@northwind.example", oauth2.GenerateVerifier())
	if _, err := s.config.Exchange(t.Context(), q.Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier())); err == nil {
		t.Fatal("exchanged with another verifier")
	}
}

func TestAnotherRedirectAddressIsRefused(t *testing.T) {
	s := start(t, "")
	s.config.RedirectURL = "http://127.0.0.1:1/auth/elsewhere"
	r, err := s.browser.Get(s.config.AuthCodeURL("s", oauth2.S256ChallengeOption("v")))
	if err != nil || r.StatusCode != http.StatusBadRequest {
		t.Fatal(r, err)
	}
}

func TestABrokenTokenIsBrokenOnce(t *testing.T) {
	s := start(t, "")
	for _, f := range []devidp.Fault{devidp.FaultIssuer, devidp.FaultSignature} {
		s.provider.Break("northwind", f)
		if c, err := s.signIn(t, "oskar.brandt@northwind.example"); err == nil {
			t.Errorf("%s: accepted %+v", f, c)
		}
		if _, err := s.signIn(t, "oskar.brandt@northwind.example"); err != nil {
			t.Errorf("after %s: %v", f, err)
		}
	}
	s.provider.Break("northwind", devidp.FaultNonce)
	if c, err := s.signIn(t, "oskar.brandt@northwind.example"); err != nil || c.Nonce == "n-1" {
		t.Errorf("nonce %+v %v", c, err)
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	for _, a := range []string{"0.0.0.0:0", ":0", "localhost:0", "192.0.2.1:0", "nonsense"} {
		if l, err := devidp.Listen(a); !errors.Is(err, devidp.ErrNotLoopback) {
			l.Close()
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, b := range []string{"http://idp.example:80", "https://127.0.0.1:1", "http://0.0.0.0:1"} {
		if _, err := devidp.New(b, nil); !errors.Is(err, devidp.ErrNotLoopback) {
			t.Errorf("%s: %v", b, err)
		}
	}
}

func TestThePersonasAreListed(t *testing.T) {
	s := start(t, "")
	r, err := s.browser.Get(strings.TrimSuffix(s.provider.Issuer("northwind"), "northwind"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	for _, o := range world("") {
		for _, p := range o.People {
			if !strings.Contains(string(b), p.Email) {
				t.Errorf("%s is not listed", p.Email)
			}
		}
	}
	if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Error(csp)
	}
}
