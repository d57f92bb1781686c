package issuance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/sethvargo/go-envconfig"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/issuance"
)

// scene is issuance with one organisation, application and grant of others before it.
type scene struct {
	*testing.T
	suite                    *servicetest.Suite
	ahead                    atomic.Int64 // how far the clock was moved on
	running                  *service.Running
	org, app, request, grant string
	owner, second, stranger  principal.Principal
	shown                    uint64
}

func newScene(t *testing.T) *scene { return newSceneWith(t, nil) }

// newSceneWith is a scene with further variables.
func newSceneWith(t *testing.T, variables map[string]string) *scene {
	return newSceneConfigured(t, variables, func(*service.Config) {})
}

func newSceneConfigured(t *testing.T, variables map[string]string, change func(*service.Config)) *scene {
	s := &scene{T: t, org: id(), app: id(), request: id(), grant: id()}
	s.suite = servicetest.New(t, func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) })
	person := func(org string, roles ...string) principal.Principal {
		return principal.Principal{ID: id(), Kind: principal.Person, Organization: org, Session: id(), Roles: roles,
			ACR: "mfa", AMR: []string{"mfa"}, AuthTime: time.Now()}
	}
	s.owner, s.second = person(s.org, principal.AppOwner), person(s.org, principal.AppOwner)
	foreign := id()
	s.stranger = person(foreign, principal.AppOwner, principal.OrgAdmin)
	for _, org := range []string{s.org, foreign} {
		s.suite.Append("identity", "organization", org, &identityv1.OrganizationRegistered{Name: "x", Kind: "partner", ContractEndsAt: in(1000 * time.Hour)})
	}
	for _, p := range []principal.Principal{s.owner, s.second, s.stranger} {
		s.suite.Append("identity", "person", p.ID, &identityv1.PersonProvisioned{OrganizationId: p.Organization})
	}
	s.suite.Append("registry", "application", s.app, &registryv1.ApplicationRegistered{
		Name: "Ledger Sync", OrganizationId: s.org, Environment: "sandbox", OwnerId: s.owner.ID, BackupOwnerId: s.second.ID})
	s.allow(s.request, s.grant)
	s.suite.Token("issuance", s.owner) // publishes the key that vouches
	c := s.suite.Config("issuance", true)
	all := map[string]string{"CHANCERY_ISSUER": issuer, "CHANCERY_PUSH_LOOPBACK": "true"}
	maps.Copy(all, variables)
	c.Lookup = envconfig.MapLookuper(all)
	change(&c)
	s.running = s.suite.Start("issuance", c, issuance.New)
	return s
}

func (s *scene) allow(request, grant string) {
	s.suite.Append("approval", "request", request, &approvalv1.RequestSubmitted{ApplicationId: s.app, OrganizationId: s.org})
	s.shown = s.suite.Append("approval", "grant", grant, &approvalv1.GrantActivated{
		RequestId: request, ApplicationId: s.app, OrganizationId: s.org, ProductId: "p1", Scopes: []string{"accounts:read", "entries:read"},
		Environment: "sandbox", Class: "partner", Until: in(240 * time.Hour)})
}

func id() string { v, _ := uuid.NewV7(); return v.String() }

func in(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(time.Now().Add(d)) }

type reply struct {
	status int
	body   map[string]any
	header http.Header
}

func (s *scene) call(p *principal.Principal, method, path string, body any, headers ...string) reply {
	s.Helper()
	var payload io.Reader = http.NoBody
	if body != nil {
		raw, _ := json.Marshal(body)
		payload = bytes.NewReader(raw)
	}
	r, err := http.NewRequest(method, s.running.URL+path, payload)
	if err != nil {
		s.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if p != nil {
		q := *p
		q.Seen, q.SessionSeen = s.shown, s.shown
		r.Header.Set("Authorization", "Bearer "+s.suite.Token("issuance", q))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.send(r)
}

func (s *scene) send(r *http.Request) reply {
	s.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	raw, _ := io.ReadAll(response.Body)
	out := reply{status: response.StatusCode, header: response.Header}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out.body); err != nil {
			s.Fatalf("%s %s: %s", r.Method, r.URL, raw)
		}
	}
	return out
}

func (s *scene) want(r reply, status int, code string) reply {
	s.Helper()
	got, _ := r.body["code"].(string)
	if oauth, ok := r.body["error"].(string); ok {
		got = oauth
	}
	if r.status != status || code != got {
		s.Fatalf("%d %q, want %d %q: %v", r.status, got, status, code, r.body)
	}
	return r
}

// issue waits until the policy has opened the grant's authorization.
func (s *scene) issue(kind string, grant string) reply {
	s.Helper()
	log, deadline := s.suite.Log("issuance"), time.Now().Add(servicetest.Patience)
	for {
		opened, err := log.Read(s.Context(), log.Subject("authorization", grant))
		if err != nil || time.Now().After(deadline) {
			s.Fatalf("no authorization of grant %s: %v", grant, err)
		}
		if len(opened) > 0 {
			if err := s.running.Deps.Lineage.WaitFor(s.Context(), opened[0].Sequence); err != nil {
				s.Fatal(err)
			}
			break
		}
	}
	return s.call(&s.owner, "POST", "/v1/credentials", map[string]any{"grant_id": grant, "kind": kind, "name": "nightly"}, "Idempotency-Key", grant+kind)
}

func TestACredentialsWholeLife(t *testing.T) { // D1, D4, D11, A16
	s := newScene(t)
	issued := s.want(s.issue("api_key", s.grant), 201, "")
	key, credential := issued.body["secret"].(string), issued.body["id"].(string)
	if !strings.HasPrefix(key, "chy_test_") || issued.body["shown"] != true {
		t.Fatalf("issued %v", issued.body)
	}
	at := "/v1/credentials/" + credential
	repeated := s.want(s.issue("api_key", s.grant), 201, "")
	if repeated.body["id"] != credential || repeated.body["secret"] != nil || repeated.body["shown"] != false {
		t.Fatalf("a repeated command answered %v", repeated.body)
	}
	position := issued.header.Get("Chancery-Position")
	read := s.want(s.call(&s.owner, "GET", at, nil, "Chancery-Position", position), 200, "")
	if raw, _ := json.Marshal(read.body); strings.Contains(string(raw), key[len(key)-20:]) || read.body["state"] != "active" {
		t.Fatalf("reading it again shows %s", raw)
	}
	s.want(s.call(nil, "GET", at, nil), 401, "unauthenticated")
	s.want(s.call(&s.stranger, "GET", at, nil), 404, "not_found")
	s.want(s.call(&s.stranger, "POST", at+"/revoke", map[string]any{"reason": "policy"}), 404, "not_found")
	s.want(s.call(&s.stranger, "POST", "/v1/credentials", map[string]any{"grant_id": s.grant, "kind": "api_key", "name": "x"}), 404, "not_found")

	rotated := s.want(s.call(&s.owner, "POST", at+"/rotate", map[string]any{"overlap_seconds": 3600}), 201, "")
	if rotated.body["generation"] != 2.0 || rotated.body["secret"] == key {
		t.Fatalf("rotated %v", rotated.body)
	}
	s.want(s.call(&s.owner, "POST", at+"/rotate", map[string]any{"overlap_seconds": 0}), 409, "rotation_under_way")
	s.want(s.call(&s.owner, "POST", at+"/retire", map[string]any{"generation": 1}), 200, "")
	s.want(s.call(&s.second, "POST", at+"/revoke", map[string]any{"reason": "suspected_leak"}), 200, "")
	s.want(s.call(&s.owner, "POST", at+"/rotate", map[string]any{"overlap_seconds": 0}), 409, "credential_ended")
	if err := s.running.Deps.Lineage.Live(lineage.Ref{Kind: "credential", ID: credential}, time.Now()); err == nil {
		t.Fatal("a revoked credential is live")
	}
}

func TestATokenLivesAsLongAsItsClient(t *testing.T) { // X6
	s := newScene(t)
	issued := s.want(s.issue("client_secret", s.grant), 201, "")
	client, password := issued.body["id"].(string), issued.body["secret"].(string)
	token := func(form url.Values, headers ...string) reply {
		return s.form("/oauth2/token", client, password, form, headers...)
	}
	ok := s.want(token(url.Values{"grant_type": {"client_credentials"}, "scope": {"accounts:read"}}), 200, "")
	access := ok.body["access_token"].(string)
	if ok.body["token_type"] != "Bearer" || ok.body["scope"] != "accounts:read" || ok.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("token answer %v %v", ok.body, ok.header)
	}
	for name, c := range map[string]struct {
		form   url.Values
		status int
		code   string
	}{
		"another grant type":     {url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"a scope not granted":    {url.Values{"grant_type": {"client_credentials"}, "scope": {"payments:write"}}, 400, "invalid_scope"},
		"a parameter said twice": {url.Values{"grant_type": {"client_credentials", "client_credentials"}}, 400, "invalid_request"},
		"another audience":       {url.Values{"grant_type": {"client_credentials"}, "resource": {"urn:chancery:product:p2"}}, 400, "invalid_target"},
		"two ways to sign in":    {url.Values{"grant_type": {"client_credentials"}, "client_secret": {password}}, 400, "invalid_request"},
	} {
		t.Run(name, func(*testing.T) { s.want(token(c.form), c.status, c.code) })
	}
	s.want(s.form("/oauth2/token", client, password[:len(password)-1]+"x", url.Values{"grant_type": {"client_credentials"}}), 401, "invalid_client")
	s.want(s.form("/oauth2/token", id(), password, url.Values{"grant_type": {"client_credentials"}}), 401, "invalid_client")

	active := func(access string) bool {
		r := s.want(s.form("/oauth2/introspect", client, password, url.Values{"token": {access}}), 200, "")
		return r.body["active"].(bool)
	}
	if !active(access) || active(access[:len(access)-4]+"AAAA") || active("nonsense") {
		t.Fatal("introspection is wrong about a good, a forged or a senseless token")
	}
	s.want(s.form("/oauth2/revoke", client, password, url.Values{"token": {access}}), 200, "")
	if active(access) {
		t.Fatal("a revoked token is active")
	}
	again := s.want(token(url.Values{"grant_type": {"client_credentials"}}), 200, "").body["access_token"].(string)
	s.want(s.form("/oauth2/revoke", client, password, url.Values{"token": {"nonsense"}}), 200, "")
	if !active(again) {
		t.Fatal("a new token is not active")
	}
	s.suite.Append("registry", "application", s.app, &registryv1.ApplicationDisabled{Reason: "incident"})
	deadline := time.Now().Add(servicetest.Patience)
	for s.form("/oauth2/introspect", client, password, url.Values{"token": {again}}).status != 401 { // the client itself is dead
		if time.Now().After(deadline) {
			t.Fatal("a disabled application's client still authenticates")
		}
	}
	s.want(token(url.Values{"grant_type": {"client_credentials"}}), 401, "invalid_client")
}

func (s *scene) form(path, client, password string, form url.Values, headers ...string) reply {
	s.Helper()
	r, _ := http.NewRequest("POST", s.running.URL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(password))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return s.send(r)
}

func TestWhatEndsTheApplicationEndsItsCredentials(t *testing.T) { // D9
	s := newScene(t)
	first := s.want(s.issue("api_key", s.grant), 201, "").body["id"].(string)
	s.suite.Append("registry", "application", s.app, &registryv1.ApplicationDisabled{Reason: "incident"})
	s.shown = s.suite.Append("registry", "application", s.app, &registryv1.ApplicationEnabled{Reason: "solved"})
	live := func(id string) error {
		return s.running.Deps.Lineage.Live(lineage.Ref{Kind: "credential", ID: id}, time.Now())
	}
	ctx, cancel := context.WithTimeout(context.Background(), servicetest.Patience)
	defer cancel()
	if err := s.running.Deps.Lineage.WaitFor(ctx, s.shown); err != nil {
		t.Fatal(err)
	}
	var dead *lineage.Dead
	if !errors.As(live(first), &dead) || dead.Cause != lineage.Ended {
		t.Fatal("enabling the application revived its credential")
	}
	// The grant from before the ending is dead with it: nothing usable comes of it, and no secret is handed out.
	s.want(s.call(&s.owner, "POST", "/v1/credentials", map[string]any{"grant_id": s.grant, "kind": "api_key", "name": "again"}), 409, "not_live")
	request, grant := id(), id()
	s.allow(request, grant)
	issued := s.want(s.issue("api_key", grant), 201, "")
	second := issued.body["id"].(string)
	if err := live(second); err != nil {
		t.Fatal(err)
	}
	// The policy records the ending of the first credential, never of the second.
	deadline := time.Now().Add(servicetest.Patience)
	for {
		r := s.want(s.call(&s.owner, "GET", "/v1/credentials/"+first, nil), 200, "")
		if r.body["state"] == "revoked" && r.body["reason"] == "application_ended" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the ending was not recorded: %v", r.body)
		}
	}
	if r := s.call(&s.owner, "GET", "/v1/credentials/"+second, nil, "Chancery-Position", issued.header.Get("Chancery-Position")); r.body["state"] != "active" {
		t.Fatalf("the later credential is %v", r.body)
	}
}
