package issuance_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// bank is somebody else's receiver of security event tokens.
type bank struct {
	*httptest.Server
	mu      sync.Mutex
	taken   []string
	headers []http.Header
	answer  func(n int) (int, string)
}

func newBank(t *testing.T) *bank {
	b := &bank{answer: func(int) (int, string) { return http.StatusAccepted, "" }}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.taken, b.headers = append(b.taken, string(raw)), append(b.headers, r.Header)
		status, body := b.answer(len(b.taken))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *bank) tokens() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.taken...)
}

// told is a security event token as a receiver reads it: with a library of others, by the transmitter's published keys.
type told struct {
	Issuer   string                    `json:"iss"`
	ID       string                    `json:"jti"`
	IssuedAt int64                     `json:"iat"`
	Audience string                    `json:"aud"`
	Subject  map[string]any            `json:"sub_id"`
	Events   map[string]map[string]any `json:"events"`
	Expires  *int64                    `json:"exp"`
	Sub      *string                   `json:"sub"`
}

func (s *scene) read(token string) (out told) {
	s.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		s.Fatal(err)
	}
	header := jws.Signatures[0].Protected
	keys := as[jose.JSONWebKeySet](s, s.want(s.call(nil, "GET", "/oauth2/jwks", nil), 200, ""))
	if header.ExtraHeaders[jose.HeaderType] != "secevent+jwt" || len(keys.Key(header.KeyID)) != 1 {
		s.Fatalf("header %v", header)
	}
	payload, err := jws.Verify(keys.Key(header.KeyID)[0].Key)
	if err == nil {
		err = json.Unmarshal(payload, &out)
	}
	if err != nil || out.Issuer != "https://portal.example" || len(out.Events) != 1 || out.Expires != nil || out.Sub != nil || out.ID == "" || out.IssuedAt == 0 {
		s.Fatalf("%v: %s", err, payload)
	}
	return out
}

func (t told) kind() string {
	for k := range t.Events {
		return k[strings.LastIndex(k, "/")+1:]
	}
	return ""
}

// signals is a client of the organisation that may manage streams, and its access token.
func (s *scene) signals() string {
	s.Helper()
	request, grant := id(), id()
	s.suite.Append("approval", "request", request, &approvalv1.RequestSubmitted{ApplicationId: s.app, OrganizationId: s.org})
	s.shown = s.suite.Append("approval", "grant", grant, &approvalv1.GrantActivated{RequestId: request, ApplicationId: s.app, OrganizationId: s.org,
		ProductId: "signals", Scopes: []string{"ssf.manage", "ssf.read"}, Environment: "sandbox", Class: "partner", Until: in(240 * 3600e9)})
	issued := s.want(s.issue("client_secret", grant), 201, "")
	token := s.want(s.form("/oauth2/token", issued.body["id"].(string), issued.body["secret"].(string), url.Values{"grant_type": {"client_credentials"}}), 200, "")
	return token.body["access_token"].(string)
}

// said has identity tell a fact of a person as it does: as the record of the person's organisation.
func (s *scene) said(organization, person string, fact aggregate.Event) {
	s.Helper()
	log := s.suite.Log("identity")
	before, err := log.Read(s.Context(), log.Subject("person", person))
	if err == nil {
		ctx := eventlog.WithMeta(s.Context(), eventlog.Meta{Organization: organization, Actor: &eventv1.Actor{Id: "test", Kind: "system"}})
		_, err = log.Append(ctx, log.Subject("person", person), before[len(before)-1].Sequence, fact)
	}
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) ssf(token, method, path string, body any) reply {
	s.Helper()
	return s.call(nil, method, path, body, "Authorization", "Bearer "+token)
}

func TestEveryRevocationIsPushedOnce(t *testing.T) { // L20
	s, b := newScene(t), newBank(t)
	b.answer = func(n int) (int, string) {
		if n == 1 {
			return http.StatusServiceUnavailable, "" // tried again, with the same id
		}
		return http.StatusAccepted, ""
	}
	credential := s.want(s.issue("api_key", s.grant), 201, "").body["id"].(string)
	admin := s.owner
	admin.Roles = []string{"org_admin"}
	body := map[string]any{"method": "push", "endpoint": b.URL, "audience": "https://bank.example", "authorization_header": "Bearer let-us-in"}
	s.want(s.call(&s.owner, "POST", "/v1/signal-streams", body), 403, "role_missing")
	s.want(s.call(&admin, "POST", "/v1/signal-streams", map[string]any{"method": "push", "endpoint": "http://10.0.0.1/", "audience": "x"}), 422, "endpoint_refused")
	opened := s.want(s.call(&admin, "POST", "/v1/signal-streams", body), 201, "")
	at := "/v1/signal-streams/" + opened.body["id"].(string)
	s.want(s.call(&s.stranger, "GET", at, nil), 404, "not_found")

	// What another organisation's revocations are is nobody else's business.
	s.said(s.stranger.Organization, s.stranger.ID, &identityv1.PersonDeprovisioned{Reason: "left"})
	s.want(s.call(&admin, "POST", "/v1/credentials/"+credential+"/revoke", map[string]any{"reason": "suspected_leak"}), 200, "")
	s.eventually("the revocation is pushed", func() bool { return len(b.tokens()) >= 2 })
	first, second := s.read(b.tokens()[0]), s.read(b.tokens()[1])
	if first.ID != second.ID || first.kind() != "credential-change" || first.Audience != "https://bank.example" || first.Subject["sub"] != credential ||
		first.Events["https://schemas.openid.net/secevent/caep/event-type/credential-change"]["change_type"] != "revoke" {
		t.Fatalf("pushed %+v then %+v", first, second)
	}
	if h := b.headers[1]; h.Get("Content-Type") != "application/secevent+jwt" || h.Get("Authorization") != "Bearer let-us-in" {
		t.Fatalf("headers %v", h)
	}
	s.want(s.call(&admin, "POST", at+"/verify", map[string]any{"state": "n0nce"}), 200, "")
	s.eventually("the stream is verified", func() bool { return len(b.tokens()) >= 3 })
	if v := s.read(b.tokens()[2]); v.kind() != "verification" || v.Events["https://schemas.openid.net/secevent/ssf/event-type/verification"]["state"] != "n0nce" {
		t.Fatalf("verified by %+v", v)
	}
	s.eventually("both are taken", func() bool {
		r := s.want(s.call(&admin, "GET", at, nil), 200, "")
		told := r.body["told"].(map[string]any)
		raw, _ := json.Marshal(r.body)
		return told["taken"] == 2.0 && told["waiting"] == 0.0 && !strings.Contains(string(raw), "let-us-in")
	})
	s.want(s.call(&admin, "POST", at+"/end", map[string]any{"reason": "done"}), 200, "")
	s.want(s.call(&admin, "POST", at+"/verify", map[string]any{}), 409, "stream_ended")
}

func TestAGovernedApplicationFetchesItsOrganizationsEvents(t *testing.T) { // L20
	s := newScene(t)
	token := s.signals()
	meta := s.want(s.call(nil, "GET", "/.well-known/ssf-configuration", nil), 200, "")
	if meta.body["spec_version"] != "1_0" || meta.body["issuer"] != "https://portal.example" || meta.body["configuration_endpoint"] != "https://portal.example/oauth2/ssf/streams" {
		t.Fatalf("metadata %v", meta.body)
	}
	streams := "/oauth2/ssf/streams"
	if r := s.call(nil, "POST", streams, map[string]any{}); r.status != 401 {
		t.Fatalf("without a token: %d", r.status)
	}
	issued := s.want(s.issue("client_secret", s.grant), 201, "")
	client, password := issued.body["id"].(string), issued.body["secret"].(string)
	plain := s.want(s.form("/oauth2/token", client, password, url.Values{"grant_type": {"client_credentials"}}), 200, "").body["access_token"].(string)
	if r := s.ssf(plain, "POST", streams, map[string]any{}); r.status != 403 {
		t.Fatalf("without the scope: %d", r.status)
	}
	session := "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	disabled := "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	opened := s.ssf(token, "POST", streams, map[string]any{"delivery": map[string]any{"method": "urn:ietf:rfc:8936"}, "events_requested": []string{session, disabled, "https://unknown.example/x"}})
	if opened.status != 201 || len(opened.body["events_delivered"].([]any)) != 2 {
		t.Fatalf("opened %d %v", opened.status, opened.body)
	}
	stream := opened.body["stream_id"].(string)
	if r := s.ssf(token, "POST", streams, map[string]any{"delivery": map[string]any{"method": "urn:ietf:rfc:8935", "endpoint_url": "http://169.254.169.254/"}}); r.status != 400 {
		t.Fatalf("a push inside: %d", r.status)
	}
	if r := s.ssf(token, "GET", streams+"?stream_id="+stream, nil); r.status != 200 || r.body["iss"] != "https://portal.example" {
		t.Fatalf("read %d %v", r.status, r.body)
	}
	if r := s.ssf(token, "GET", streams+"?stream_id="+id(), nil); r.status != 404 {
		t.Fatalf("a stream of nobody: %d", r.status)
	}
	poll := func(body map[string]any) map[string]any {
		r := s.ssf(token, "POST", "/oauth2/ssf/poll/"+stream, body)
		if r.status != 200 {
			t.Fatalf("poll %d %v", r.status, r.body)
		}
		return r.body["sets"].(map[string]any)
	}
	now := map[string]any{"returnImmediately": true}
	s.said(s.org, s.second.ID, &identityv1.PersonSessionsEnded{Reason: "lost phone"})
	s.said(s.stranger.Organization, s.stranger.ID, &identityv1.PersonSessionsEnded{Reason: "another's"})
	s.said(s.org, s.second.ID, &identityv1.PersonDeprovisioned{Reason: "left"})
	if r := s.ssf(token, "POST", "/oauth2/ssf/verify", map[string]any{"stream_id": stream, "state": "abc"}); r.status != 204 {
		t.Fatalf("verify %d %v", r.status, r.body)
	}
	var sets map[string]any
	s.eventually("all are there", func() bool { sets = poll(now); return len(sets) > 2 })
	kinds := map[string]int{}
	var ack []string
	for jti, compact := range sets {
		e := s.read(compact.(string))
		kinds[e.kind()]++
		if e.ID != jti {
			t.Fatal("a token is filed under another's id")
		}
		ack = append(ack, jti)
	}
	if again := poll(now); len(again) != len(sets) {
		t.Fatalf("what was not acknowledged came %d times, then %d", len(sets), len(again))
	}
	if rest := poll(map[string]any{"returnImmediately": true, "ack": ack}); len(rest) != 0 {
		t.Fatalf("after the acknowledgement: %v", rest)
	}
	if len(kinds) != 3 || kinds["verification"] != 1 || kinds["session-revoked"] != 1 || kinds["account-disabled"] != 1 {
		t.Fatalf("kinds %v", kinds)
	}
	for _, c := range []struct {
		method, path string
		body         map[string]any
		status       int
	}{
		{"POST", "/oauth2/ssf/subjects/remove", map[string]any{"stream_id": stream, "subject": map[string]any{"format": "iss_sub", "iss": "https://portal.example", "sub": s.owner.ID}}, 204},
		{"POST", "/oauth2/ssf/subjects/add", map[string]any{"stream_id": stream, "subject": map[string]any{"format": "iss_sub", "iss": "https://portal.example", "sub": s.owner.ID}}, 200},
		{"POST", "/oauth2/ssf/subjects/add", map[string]any{"stream_id": stream, "subject": map[string]any{"format": "phone_number"}}, 400},
		{"GET", "/oauth2/ssf/status?stream_id=" + stream, nil, 200},
		{"POST", "/oauth2/ssf/status", map[string]any{"stream_id": stream, "status": "paused"}, 200},
		{"POST", "/oauth2/ssf/status", map[string]any{"stream_id": stream, "status": "asleep"}, 400},
		{"PATCH", streams, map[string]any{"stream_id": stream, "description": "ours"}, 200},
		{"PUT", streams, map[string]any{"stream_id": stream, "events_requested": []string{session}}, 200},
		{"DELETE", streams + "?stream_id=" + stream, nil, 204},
		{"DELETE", streams + "?stream_id=" + stream, nil, 404},
	} {
		var body any
		if c.body != nil {
			body = c.body
		}
		if r := s.ssf(token, c.method, c.path, body); r.status != c.status {
			t.Errorf("%s %s: %d %v, want %d", c.method, c.path, r.status, r.body, c.status)
		}
	}
	s.suite.Append("registry", "application", s.app, &registryv1.ApplicationDisabled{Reason: "incident"})
	s.eventually("a dead application's token is refused", func() bool { return s.ssf(token, "GET", streams, nil).status == 401 })
}
