package signon_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/services/devidp"
	"github.com/chancery-dev/chancery/services/identity/internal/signon"
)

const back = "http://127.0.0.1:1/auth/callback"

type house struct {
	*testing.T
	idp       *devidp.Provider
	providers *signon.Providers
	at        signon.Registration
	browser   *http.Client
}

func start(t *testing.T) house {
	t.Helper()
	l, err := devidp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	people := []devidp.Person{{Name: "Ana Novak", Email: "ana@northwind.example", Groups: []string{"owners", "all"}, Factor: devidp.FactorCode},
		{Name: "Bo Lind", Email: "bo@northwind.example", Factor: devidp.FactorKey}}
	idp, err := devidp.New("http://"+l.Addr().String(), []devidp.Organization{
		{Slug: "northwind", Name: "Northwind", ClientID: "chancery", ClientSecret: "s3cret", RedirectURIs: []string{back}, People: people},
		{Slug: "northwind-other", Name: "Other", ClientID: "chancery", RedirectURIs: []string{back}, People: people}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- idp.Serve(ctx, l) }()
	t.Cleanup(func() { stop(); <-done })
	jar, _ := cookiejar.New(nil)
	return house{T: t, idp: idp, providers: signon.New(back, true, time.Now),
		at: signon.Registration{Issuer: idp.Issuer("northwind"), ClientID: "chancery", ClientSecret: "s3cret"},
		browser: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), back) {
				return http.ErrUseLastResponse
			}
			return nil
		}}}
}

// answer sends the person to their provider and gives what they come back with.
func (h house) answer(a signon.Attempt, email, hint string) url.Values {
	h.Helper()
	address, err := h.providers.Address(h.Context(), h.at, a, hint)
	if err != nil {
		h.Fatal(err)
	}
	r, err := devidp.Walk(h.browser, address, email)
	if err != nil {
		h.Fatal(err)
	}
	defer r.Body.Close()
	to, err := r.Location()
	if err != nil {
		h.Fatal(r.Request.URL, r.StatusCode, err)
	}
	return to.Query()
}

func TestAPersonArrivesWithVerifiedClaims(t *testing.T) { // A1
	h := start(t)
	a := signon.NewAttempt(false, time.Now())
	q := h.answer(a, "ana@northwind.example", "")
	if q.Get("state") != a.State {
		t.Fatal(q)
	}
	c, err := h.providers.Redeem(t.Context(), h.at, a, q)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "Ana Novak" || c.Email != "ana@northwind.example" || c.Issuer != h.at.Issuer || c.Subject == "" ||
		!slices.Equal(c.Groups, []string{"owners", "all"}) || c.Domain() != "northwind.example" || c.MultiFactor() {
		t.Fatalf("%+v", c)
	}
	if _, err := h.providers.Redeem(t.Context(), h.at, a, q); !errors.Is(err, signon.ErrToken) {
		t.Fatalf("a code works once: %v", err)
	}
}

func TestAStepUpNeedsASecondFactorNow(t *testing.T) { // A2
	h := start(t)
	for _, email := range []string{"ana@northwind.example", "bo@northwind.example"} {
		up := signon.NewAttempt(true, time.Now())
		c, err := h.providers.Redeem(t.Context(), h.at, up, h.answer(up, email, email))
		if err != nil || !c.MultiFactor() || time.Since(c.AuthTime) > time.Minute {
			t.Fatalf("%+v %v", c, err)
		}
	}
	h = start(t)
	plain := signon.NewAttempt(false, time.Now())
	q := h.answer(plain, "ana@northwind.example", "")
	plain.StepUp = true
	if _, err := h.providers.Redeem(t.Context(), h.at, plain, q); !errors.Is(err, signon.ErrAssurance) {
		t.Fatalf("one factor passed for two: %v", err)
	}
}

func TestAForgedAnswerIsRefused(t *testing.T) { // A1: state, nonce, issuer and signature
	h := start(t)
	for fault, want := range map[devidp.Fault]error{
		devidp.FaultNonce: signon.ErrToken, devidp.FaultIssuer: signon.ErrToken,
		devidp.FaultSignature: signon.ErrToken, devidp.FaultEmail: signon.ErrClaims,
	} {
		a := signon.NewAttempt(false, time.Now())
		q := h.answer(a, "ana@northwind.example", "")
		h.idp.Break("northwind", fault)
		if _, err := h.providers.Redeem(t.Context(), h.at, a, q); !errors.Is(err, want) {
			t.Errorf("%s: %v", fault, err)
		}
	}
	a := signon.NewAttempt(false, time.Now())
	q := h.answer(a, "ana@northwind.example", "")
	other := a
	other.Verifier = signon.NewAttempt(false, time.Now()).Verifier
	if _, err := h.providers.Redeem(t.Context(), h.at, other, q); !errors.Is(err, signon.ErrToken) {
		t.Errorf("another verifier: %v", err)
	}
	a = signon.NewAttempt(false, time.Now())
	q = h.answer(a, "ana@northwind.example", "")
	q.Set("iss", h.idp.Issuer("northwind-other"))
	if _, err := h.providers.Redeem(t.Context(), h.at, a, q); !errors.Is(err, signon.ErrIssuer) {
		t.Errorf("another issuer: %v", err)
	}
	q.Del("iss")
	mixed := h.at
	mixed.Issuer = h.idp.Issuer("northwind-other")
	if _, err := h.providers.Redeem(t.Context(), mixed, a, q); !errors.Is(err, signon.ErrToken) {
		t.Errorf("a code of one provider at another: %v", err)
	}
}

func TestAProvidersRefusalIsPassedOnInBounds(t *testing.T) {
	h := start(t)
	a := signon.NewAttempt(false, time.Now())
	_, err := h.providers.Redeem(t.Context(), h.at, a, h.answer(a, "", "error:access_denied"))
	var refusal signon.Refusal
	if !errors.As(err, &refusal) || refusal.Code != "access_denied" || !errors.Is(err, signon.ErrAnswer) {
		t.Fatal(err)
	}
	_, err = h.providers.Redeem(t.Context(), h.at, a, url.Values{"error": {strings.Repeat("x", 500)}, "error_description": {"a\x00\n" + strings.Repeat("é", 900)}})
	if !errors.As(err, &refusal) || len(refusal.Code) > 64 || len([]rune(refusal.Description)) > 300 || strings.ContainsAny(refusal.Description, "\x00\n") {
		t.Fatalf("%+v", refusal)
	}
}

func TestInternalAddressesAreNotSpokenTo(t *testing.T) {
	h := start(t)
	strict := signon.New(back, false, time.Now)
	for _, issuer := range []string{h.at.Issuer, "http://10.0.0.1/x", "http://169.254.169.254/latest", "http://[::1]:1/x", "http://100.64.0.1", "http://[fd00::1]/"} {
		_, err := strict.Address(t.Context(), signon.Registration{Issuer: issuer, ClientID: "x"}, signon.Attempt{}, "")
		if !errors.Is(err, signon.ErrProvider) || !strings.Contains(err.Error(), "not looked for") {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func TestAnIssuerThatCallsItselfOtherwiseIsRefused(t *testing.T) {
	h := start(t)
	for _, issuer := range []string{h.at.Issuer + "/", strings.Replace(h.at.Issuer, "127.0.0.1", "127.0.0.2", 1)} {
		if _, err := h.providers.Address(t.Context(), signon.Registration{Issuer: issuer, ClientID: "x"}, signon.Attempt{}, ""); !errors.Is(err, signon.ErrProvider) {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}
