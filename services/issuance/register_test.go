package issuance_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

func (s *scene) registers(token string, metadata map[string]any) reply {
	s.Helper()
	raw, _ := json.Marshal(metadata)
	r, _ := http.NewRequest("POST", s.running.URL+"/oauth2/register", bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	return s.send(r)
}

func TestAProgramRegistersOneClientByLeaveOfAnOwner(t *testing.T) { // D15, D16, B7, RFC 7591
	s := newScene(t)
	s.want(s.issue("api_key", s.grant), 201, "") // the grant is known
	permit := func() string {
		s.ahead.Add(int64(3 * time.Second))
		return s.want(s.call(&s.owner, "POST", "/v1/registration-tokens", map[string]any{"grant_id": s.grant}), 201, "").body["initial_access_token"].(string)
	}
	stale := s.owner
	stale.AuthTime = time.Now().Add(-time.Hour)
	s.want(s.call(&stale, "POST", "/v1/registration-tokens", map[string]any{"grant_id": s.grant}), 403, "step_up_required")
	s.want(s.call(&s.stranger, "POST", "/v1/registration-tokens", map[string]any{"grant_id": s.grant}), 404, "not_found")
	s.want(s.registers("", nil), 401, "invalid_token")
	s.want(s.registers("chy_regi_x", nil), 401, "invalid_token")
	token := permit()
	for name, c := range map[string]struct {
		metadata map[string]any
		want     string
	}{
		"a wildcard":       {map[string]any{"redirect_uris": []string{"https://*.example/back"}}, "invalid_redirect_uri"},
		"a fragment":       {map[string]any{"redirect_uris": []string{"https://client.example/#x"}}, "invalid_redirect_uri"},
		"plain http":       {map[string]any{"redirect_uris": []string{"http://client.example/back"}}, "invalid_redirect_uri"},
		"a loose scheme":   {map[string]any{"redirect_uris": []string{"app:/back"}}, "invalid_redirect_uri"},
		"no address":       {map[string]any{}, "invalid_client_metadata"},
		"a wide scope":     {map[string]any{"redirect_uris": []string{back}, "scope": "payments:write"}, "invalid_client_metadata"},
		"an implicit flow": {map[string]any{"redirect_uris": []string{back}, "response_types": []string{"token"}}, "invalid_client_metadata"},
		"an old grant":     {map[string]any{"redirect_uris": []string{back}, "grant_types": []string{"password"}}, "invalid_client_metadata"},
		"a statement":      {map[string]any{"redirect_uris": []string{back}, "software_statement": "x"}, "invalid_software_statement"},
	} {
		t.Run(name, func(t *testing.T) {
			s.ahead.Add(int64(7 * time.Second)) // guesses are limited
			s.want(s.registers(token, c.metadata), 400, c.want)
		})
	}
	s.ahead.Add(int64(time.Minute))
	made := s.want(s.registers(token, map[string]any{"redirect_uris": []string{back}, "grant_types": []string{"authorization_code", "refresh_token"}, "scope": "accounts:read"}), 201, "").body
	client, password := made["client_id"].(string), made["client_secret"].(string)
	s.want(s.registers(token, map[string]any{"redirect_uris": []string{back}}), 401, "invalid_token")
	s.owner.AuthTime = time.Now()
	got := s.want(s.form("/oauth2/token", client, password, redemption(s.code(client))), 200, "")
	if got.body["scope"] != "accounts:read" {
		t.Fatal(got.body)
	}
	public := s.want(s.registers(permit(), map[string]any{"redirect_uris": []string{"com.example.app:/back"}, "token_endpoint_auth_method": "none"}), 201, "").body
	if public["client_secret"] != nil || public["dpop_bound_access_tokens"] != true {
		t.Fatal(public)
	}
	// What was permitted before the application ended permits nothing after it.
	late := permit()
	s.suite.Append("registry", "application", s.app, &registryv1.ApplicationDisabled{Reason: "incident"})
	s.shown = s.suite.Append("registry", "application", s.app, &registryv1.ApplicationEnabled{Reason: "solved"})
	s.eventually("the end is known", func() bool { return s.running.Deps.Lineage.Position() >= s.shown })
	if r := s.registers(late, map[string]any{"redirect_uris": []string{back}}); r.status < 400 {
		t.Fatalf("a token from before the end registered %v", r.body)
	}
	if r := s.form("/oauth2/token", client, password, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.body["refresh_token"].(string)}}); r.status < 400 {
		t.Fatal("a registered client outlives its application")
	}
}

func TestWhoseTokensAResourceTakesIsPublished(t *testing.T) { // X6, B8, RFC 9728, RFC 8414
	s := newScene(t)
	product := id()
	get := func(path string) map[string]any {
		r, _ := http.NewRequest("GET", s.running.URL+path, http.NoBody)
		return s.want(s.send(r), 200, "").body
	}
	s.suite.Append("registry", "product", product, &registryv1.ProductDrafted{Slug: "rates", Name: "Rates", OrganizationId: s.org})
	at := s.suite.Append("registry", "product", product, &registryv1.ProductAudienceSet{Audience: "public"})
	s.eventually("the product is known", func() bool { return s.running.Deps.Lineage.Position() >= at })
	hidden := get("/.well-known/oauth-protected-resource/" + product)
	if hidden["resource"] != "urn:chancery:product:"+product || hidden["resource_name"] != nil || hidden["authorization_servers"].([]any)[0] != portal {
		t.Fatal(hidden)
	}
	at = s.suite.Append("registry", "product", product, &registryv1.ProductPublished{Version: "1.0.0"})
	s.eventually("the product is shown", func() bool { return s.running.Deps.Lineage.Position() >= at })
	if shown := get("/.well-known/oauth-protected-resource/" + product); shown["resource_name"] != "Rates" {
		t.Fatal(shown)
	}
	if all := get("/.well-known/oauth-protected-resource"); all["resource"] != portal {
		t.Fatal(all)
	}
	server := get("/.well-known/oauth-authorization-server")
	for _, name := range []string{"authorization_endpoint", "pushed_authorization_request_endpoint", "device_authorization_endpoint", "registration_endpoint"} {
		if server[name] == nil {
			t.Errorf("the metadata lacks %s", name)
		}
	}
}
