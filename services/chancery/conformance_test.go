package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/services/chancery/internal/conformance"
)

func TestOneCommandSetsUpWhatOthersAreTriedAgainst(t *testing.T) { // X6, D5, D17
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	told := make(chan conformance.Target, 1)
	done := make(chan error, 1)
	go func() {
		done <- conformance.Run(ctx, conformance.Options{Dir: t.TempDir(), Lifetime: 30 * time.Second, Version: "test", Logger: slog.New(slog.DiscardHandler)},
			func(x conformance.Target) error { told <- x; return nil })
	}()
	var to conformance.Target
	select {
	case to = <-told:
	case err := <-done:
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(to.CA)
	if err != nil || !pool.AppendCertsFromPEM(ca) {
		t.Fatal("no CA", err)
	}
	by := func(certificates ...tls.Certificate) *http.Client {
		return &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certificates}}}
	}
	clients := map[string]conformance.Client{}
	for _, c := range to.Clients {
		clients[c.Name] = c
	}
	token := func(h *http.Client, base string, c conformance.Client, more ...string) map[string]any {
		t.Helper()
		f := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}}
		if c.Secret != "" {
			f.Set("client_secret", c.Secret)
		}
		for i := 0; i+1 < len(more); i += 2 {
			f.Set(more[i], more[i+1])
		}
		response, err := h.PostForm(base+"/oauth2/token", f)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var out map[string]any
		if err := json.NewDecoder(response.Body).Decode(&out); err != nil || out["access_token"] == nil {
			t.Fatalf("%s: %v %v", c.Name, out, err)
		}
		return out
	}
	use := func(h *http.Client, method string, r conformance.Resource, token any) (int, string) {
		t.Helper()
		q, _ := http.NewRequest(method, r.URL+"/things", http.NoBody)
		if token != nil {
			q.Header.Set("Authorization", "Bearer "+token.(string))
		}
		response, err := h.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		return response.StatusCode, response.Header.Get("WWW-Authenticate")
	}
	plain := by()
	ledger, cards := to.Resources[0], to.Resources[1]
	machine := token(plain, to.Issuer, clients["ledger machine"])
	if machine["expires_in"].(float64) > 30 {
		t.Errorf("tokens live %v", machine["expires_in"])
	}
	narrow := token(plain, to.Issuer, clients["ledger machine"], "scope", ledger.Read)["access_token"]
	pair, err := tls.LoadX509KeyPair(clients["ledger certificate"].Certificate, clients["ledger certificate"].KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	bound := token(by(pair), to.MutualTLS, clients["ledger certificate"])["access_token"]
	for name, c := range map[string]struct {
		http   *http.Client
		method string
		at     conformance.Resource
		token  any
		status int
		says   string
	}{
		"reads":                        {plain, "GET", ledger, machine["access_token"], 200, ""},
		"writes":                       {plain, "POST", ledger, machine["access_token"], 201, ""},
		"another audience":             {plain, "GET", cards, machine["access_token"], 401, "invalid_token"},
		"without the scope":            {plain, "POST", ledger, narrow, 403, "insufficient_scope"},
		"without a token":              {plain, "GET", ledger, nil, 401, "resource_metadata="},
		"nonsense":                     {plain, "GET", ledger, "nonsense", 401, "invalid_token"},
		"with its certificate":         {by(pair), "GET", ledger, bound, 200, ""},
		"bound, without a certificate": {plain, "GET", ledger, bound, 401, "another certificate"},
	} {
		if status, says := use(c.http, c.method, c.at, c.token); status != c.status || !strings.Contains(says, c.says) {
			t.Errorf("%s: %d %s", name, status, says)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
