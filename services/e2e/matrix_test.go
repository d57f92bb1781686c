package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/libs/endpoint/endpointtest"
	"github.com/chancery-dev/chancery/libs/principal"
)

// Token vouches for a caller as the running portal does.
func (s *story) Token(service string, p principal.Principal) string { return s.vouch(service, p) }

func TestEveryOperationIsGuarded(t *testing.T) { // A16, A6, D15, H4, H5
	s := tell(t)
	application, grant := s.granted("Guarded")
	key, err := s.Cast.Issue(s.ctx, "noor", grant, "api_key", "guarded")
	s.good(err)
	noor := s.Principal("noor")
	g := s.wants(s.call(&noor, "GET", "approval", "/v1/grants/"+grant, nil), 200, "")
	kenji := s.Principal("kenji")
	everywhere := []string{principal.Auditor, principal.PlatformAdmin, principal.ProductOwner, principal.APIOwner, principal.Reviewer, principal.SecurityReviewer}
	asked := must[*http.Request](s)(http.NewRequestWithContext(s.ctx, "GET", s.Suite.Gateway+"/verify", nil))
	asked.Header.Set("Authorization", "Bearer "+key.Secret)
	verdict := must[*http.Response](s)(http.DefaultClient.Do(asked))
	verdict.Body.Close()
	objects := map[string]string{
		"/v1/decisions":     verdict.Header.Get("Chancery-Decision"),
		"/v1/organizations": noor.Organization, "/v1/people": noor.ID, "/v1/sessions": noor.Session, "/v1/applications": application,
		"/v1/products": "00000000-0000-5000-8000-000000000001", "/v1/versions": "00000000-0000-7000-8000-000000000001", "/v1/requests": g.str("request_id"),
		"/v1/grants": grant, "/v1/credentials": key.ID, "/v1/consents": s.consented(grant), "/v1/receipts": "1", "/v1/authorizers": "nobody", "/v1/records": "1", "/v1/endings": "1", "/v1/subscriptions": "00000000-0000-7000-8000-000000000001",
		"/v1/signal-streams": "00000000-0000-7000-8000-000000000001",
	}
	objects["/v1/leaks"] = s.leaked(key.Secret)
	for _, name := range []string{"identity", "registry", "approval", "issuance", "audit", "gateway"} {
		t.Run(name, func(t *testing.T) {
			n := endpointtest.Matrix{
				URL: s.Suite.Services[name].URL, Service: name, Portal: s, Stranger: kenji, Everywhere: everywhere,
				Object: func(_, path string) string {
					for prefix, id := range objects {
						if strings.HasPrefix(path, prefix) {
							return id
						}
					}
					return ""
				},
			}.Run(t)
			t.Logf("%d requests", n)
		})
	}
}

func TestListsShowNothingOfOthers(t *testing.T) { // A16
	s := tell(t)
	application, grant := s.granted("Only ours")
	key, err := s.Cast.Issue(s.ctx, "noor", grant, "api_key", "ours")
	s.good(err)
	kenji, noor := s.Principal("kenji"), s.Principal("noor")
	for _, list := range [][2]string{{"registry", "/v1/applications?limit=100"}, {"approval", "/v1/grants?limit=100"}, {"approval", "/v1/requests?limit=100"},
		{"approval", "/v1/grants?application_id=" + application}, {"issuance", "/v1/credentials?limit=100&state=active"}, {"issuance", "/v1/credentials?application_id=" + application}} {
		own := s.wants(s.call(&noor, "GET", list[0], list[1], nil), 200, "")
		foreign := s.wants(s.call(&kenji, "GET", list[0], list[1], nil), 200, "")
		for _, id := range []string{application, grant, key.ID, noor.ID, noor.Organization} {
			if strings.Contains(foreign.text, id) {
				t.Errorf("%s%s shows %s to another organisation", list[0], list[1], id)
			}
		}
		if !strings.Contains(own.text, application) {
			t.Errorf("%s%s does not show its own organisation's: the check says nothing", list[0], list[1])
		}
	}
}

func TestThereIsNoPasswordToGuess(t *testing.T) { // A1
	s := tell(t)
	for _, path := range []string{"/login", "/auth/login", "/auth/password", "/auth/register", "/auth/reset", "/api/identity/v1/login", "/api/identity/v1/password", "/api/identity/v1/tokens"} {
		r := must[*http.Request](s)(http.NewRequestWithContext(s.ctx, "POST", s.Suite.Portal+path, strings.NewReader(`{"email":"ines@meridian.example","password":"guess"}`)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		response := must[*http.Response](s)(http.DefaultClient.Do(r))
		response.Body.Close()
		if response.StatusCode < 400 || response.StatusCode >= 500 || len(response.Cookies()) > 0 {
			t.Errorf("POST %s: %d with cookies %v", path, response.StatusCode, response.Cookies())
		}
	}
}

func TestBadInputIsRefusedInOneForm(t *testing.T) { // H4, H5
	s := tell(t)
	noor := s.Principal("noor")
	for name, c := range map[string]struct {
		body   []byte
		status int
	}{
		"not JSON":        {[]byte(`{`), 400},
		"unknown field":   {[]byte(`{"grant_id":"x","surprise":1}`), 422},
		"wrong type":      {[]byte(`{"grant_id":7}`), 422},
		"too deep":        {[]byte(strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)), 400},
		"too large":       {[]byte(`{"name":"` + strings.Repeat("a", 4<<20) + `"}`), 413},
		"two of one name": {[]byte(`{"name":"a","name":"b"}`), 400},
	} {
		a := s.call(&noor, "POST", "issuance", "/v1/credentials", c.body)
		if a.status < 400 || a.status >= 500 || a.str("code") == "" || a.str("request_id") == "" || !strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
		for _, inside := range []string{"goroutine", ".go:", "panic", "pq:", "surprise\":1", "proto"} {
			if strings.Contains(a.text, inside) {
				t.Errorf("%s: the answer tells of the inside: %s", name, a.text)
			}
		}
	}
}
