package issuance_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

func TestTheMetadataIsTrue(t *testing.T) { // X6, RFC 8414
	s := newScene(t)
	m := s.want(s.call(nil, "GET", "/.well-known/oauth-authorization-server", nil), 200, "").body
	if m["issuer"] != issuer {
		t.Fatalf("issuer %v", m["issuer"])
	}
	endpoints := 0
	for name, value := range m {
		address, ok := value.(string)
		if !ok || !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" {
			continue
		}
		endpoints++
		path, ours := strings.CutPrefix(address, issuer)
		if !ours {
			t.Errorf("%s is %s", name, address)
			continue
		}
		method := http.MethodPost
		if name == "jwks_uri" || name == "authorization_endpoint" {
			method = http.MethodGet
		}
		r, _ := http.NewRequest(method, s.running.URL+path, http.NoBody)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusMethodNotAllowed || response.StatusCode >= 500 {
			t.Errorf("%s answers %d", name, response.StatusCode)
		}
	}
	if endpoints < 4 {
		t.Errorf("%d endpoints are named", endpoints)
	}
	listed := func(name string) (all []string) {
		for _, v := range m[name].([]any) {
			all = append(all, v.(string))
		}
		return all
	}
	client, password := s.secretClient(func(e *issuancev1.CredentialIssued) { e.GrantTypes = []string{"client_credentials"} })
	for _, grant := range listed("grant_types_supported") {
		if r := s.form("/oauth2/token", client, password, url.Values{"grant_type": {grant}}); r.body["error"] == "unsupported_grant_type" {
			t.Errorf("%s is named and not served", grant)
		}
	}
	for _, grant := range []string{"password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:saml2-bearer"} {
		s.want(s.form("/oauth2/token", client, password, url.Values{"grant_type": {grant}}), 400, "unsupported_grant_type")
	}
	for _, algorithm := range []string{"none", "HS256", "RS1"} {
		if slices.Contains(listed("dpop_signing_alg_values_supported"), algorithm) || slices.Contains(listed("token_endpoint_auth_signing_alg_values_supported"), algorithm) {
			t.Errorf("%s is offered", algorithm)
		}
	}
	if _, ok := m["mtls_endpoint_aliases"]; ok || m["tls_client_certificate_bound_access_tokens"] != true {
		t.Error("addresses for certificates are named where there are none")
	}
}

func TestATokenLivesShortAndNeverLongerThanItsSecret(t *testing.T) { // D1, D16
	s := newSceneWith(t, map[string]string{"CHANCERY_ACCESS_TOKEN_LIFETIME": "30s"})
	client, password := s.secretClient(nil)
	brief, briefPassword := s.secretClient(func(e *issuancev1.CredentialIssued) { e.ExpiresAt = in(10 * time.Second) })
	if n := s.want(s.form("/oauth2/token", client, password, machine), 200, "").body["expires_in"].(float64); n > 30 || n < 28 {
		t.Fatalf("lives %v seconds", n)
	}
	r := s.want(s.form("/oauth2/token", brief, briefPassword, machine), 200, "")
	if n := r.body["expires_in"].(float64); n > 10 {
		t.Fatalf("lives %v seconds, its secret 10", n)
	}
	if !s.active(client, password, r.body["access_token"].(string)) {
		t.Fatal("it does not live at all")
	}
	s.ahead.Store(int64(11 * time.Second))
	if s.active(client, password, r.body["access_token"].(string)) {
		t.Fatal("it lives longer than its secret")
	}
	s.want(s.form("/oauth2/token", brief, briefPassword, machine), 401, "invalid_client")
	s.rejectedFor(brief, "expired")
}

func TestParametersThatCannotBeMeantAreRefused(t *testing.T) { // X6, D16, RFC 6749 §5.2
	s := newScene(t)
	client, password := s.secretClient(nil)
	ask := func(body, kind, query string) reply {
		r, _ := http.NewRequest("POST", s.running.URL+"/oauth2/token"+query, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.SetBasicAuth(client, url.QueryEscape(password))
		return s.send(r)
	}
	const form, good = "application/x-www-form-urlencoded", "grant_type=client_credentials"
	for name, x := range map[string]struct {
		body, kind, query string
		status            int
		code              string
	}{
		"good":                     {good, form + "; charset=utf-8", "", 200, ""},
		"JSON":                     {`{"grant_type":"client_credentials"}`, "application/json", "", 400, "invalid_request"},
		"no type of content":       {good, "", "", 400, "invalid_request"},
		"parameters in the query":  {good, form, "?scope=accounts:read", 400, "invalid_request"},
		"no grant type":            {"scope=accounts:read", form, "", 400, "invalid_request"},
		"an empty grant type":      {"grant_type=", form, "", 400, "invalid_request"},
		"a scope said twice":       {good + "&scope=accounts:read&scope=entries:read", form, "", 400, "invalid_request"},
		"an audience said twice":   {good + "&audience=a&audience=b", form, "", 400, "invalid_request"},
		"no scope at all":          {good + "&scope=", form, "", 400, "invalid_scope"},
		"every scope":              {good + "&scope=*", form, "", 400, "invalid_scope"},
		"a scope of another":       {good + "&scope=accounts:read+payments:write", form, "", 400, "invalid_scope"},
		"its own product":          {good + "&resource=urn:chancery:product:p1", form, "", 200, ""},
		"its own product twice":    {good + "&resource=urn:chancery:product:p1&resource=urn:chancery:product:p1", form, "", 200, ""},
		"another product":          {good + "&resource=urn:chancery:product:p2", form, "", 400, "invalid_target"},
		"another product besides":  {good + "&resource=urn:chancery:product:p1&resource=urn:chancery:product:p2", form, "", 400, "invalid_target"},
		"an address of nobody":     {good + "&resource=https://api.example", form, "", 400, "invalid_target"},
		"a body that is no form":   {"grant_type=%zz", form, "", 400, "invalid_request"},
		"more than can be meant":   {good + "&x=" + strings.Repeat("x", 70<<10), form, "", 413, "invalid_request"},
		"somebody else's name too": {good + "&client_id=" + id(), form, "", 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			r := ask(x.body, x.kind, x.query)
			if code, _ := r.body["error"].(string); r.status != x.status || code != x.code {
				t.Errorf("%d %q, want %d %q: %v", r.status, code, x.status, x.code, r.body)
			}
			if r.header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
				t.Errorf("headers %v", r.header)
			}
		})
	}
}
