package issuance_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/issuance/endings"
)

// platform is an administrator of the platform, of an organisation of its own.
func (s *scene) platform() principal.Principal {
	p := s.stranger
	p.ID, p.Session, p.Roles = id(), id(), []string{principal.PlatformAdmin}
	s.suite.Append("identity", "person", p.ID, &identityv1.PersonProvisioned{OrganizationId: p.Organization})
	return p
}

func as[T any](s *scene, r reply) (out T) {
	s.Helper()
	raw, err := json.Marshal(r.body)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		s.Fatal(err)
	}
	return out
}

func TestWhatAFactEndedIsListedAndSigned(t *testing.T) { // L3, D9
	s := newScene(t)
	key := s.want(s.issue("api_key", s.grant), 201, "").body["id"].(string)
	issued := s.want(s.issue("client_secret", s.grant), 201, "")
	client, password := issued.body["id"].(string), issued.body["secret"].(string)
	token := s.want(s.form("/oauth2/token", client, password, url.Values{"grant_type": {"client_credentials"}}), 200, "")
	if token.body["access_token"] == nil {
		t.Fatal("no token")
	}
	at := "/v1/descendants?kind=application&id=" + s.app
	s.want(s.call(&s.stranger, "GET", at, nil), 404, "not_found")
	tree := s.want(s.call(&s.owner, "GET", at, nil), 200, "")
	kinds := fmt.Sprint(tree.body["kinds"])
	if kinds != "map[application:1 credential:2 generation:2 grant:1 request:1 token:1]" || tree.body["count"] != 8.0 {
		t.Fatalf("the blast radius of the application: %v of %v", tree.body["count"], kinds)
	}

	s.shown = s.suite.Append("registry", "application", s.app, &registryv1.ApplicationOffboarded{Reason: "contract over"})
	at = fmt.Sprintf("/v1/endings/%d", s.shown)
	s.want(s.call(&s.stranger, "GET", at, nil), 404, "not_found")
	s.want(s.call(&s.owner, "GET", "/v1/endings/1", nil), 404, "not_found")
	list := as[endings.List](s, s.want(s.call(&s.owner, "GET", at, nil), 200, ""))
	if list.Count != 8 || len(list.Ended) != 8 || list.Cause.Type != "registry.v1.ApplicationOffboarded" || list.Cause.Position != s.shown {
		t.Fatalf("the list: %+v", list)
	}
	for _, want := range []endings.Node{{Kind: "application", ID: s.app}, {Kind: "credential", ID: key}, {Kind: "generation", ID: client + "/1"}} {
		if !slices.ContainsFunc(list.Ended, func(e endings.Listed) bool { return e.Node == want && e.Was == "live" }) {
			t.Errorf("%v is missing", want)
		}
	}
	keys := as[jose.JSONWebKeySet](s, s.want(s.call(nil, "GET", "/oauth2/jwks", nil), 200, ""))
	signed, err := endings.Verify(list, keys)
	if err != nil || signed.Count != 8 || signed.Issuer != "https://portal.example" {
		t.Fatalf("%+v %v", signed, err)
	}
	for name, change := range map[string]func(*endings.List){
		"one left out":   func(l *endings.List) { l.Ended = l.Ended[:7] },
		"one changed":    func(l *endings.List) { l.Ended[3].Was = "paused" },
		"another cause":  func(l *endings.List) { l.Cause.Position++ },
		"no statement":   func(l *endings.List) { l.Statement = "" },
		"a token for it": func(l *endings.List) { l.Statement = token.body["access_token"].(string) },
	} {
		changed := list
		changed.Ended = slices.Clone(list.Ended)
		if change(&changed); func() error { _, err := endings.Verify(changed, keys); return err }() == nil {
			t.Errorf("%s goes unnoticed", name)
		}
	}
	s.eventually("the ending is measured or listed", func() bool {
		r := s.want(s.call(&s.owner, "GET", "/v1/revocations", nil), 200, "")
		return r.body["count"].(float64) > 0 && len(s.want(s.call(&s.stranger, "GET", "/v1/revocations", nil), 200, "").body["items"].([]any)) == 0
	})
}

func TestACompromisedSigningKeyEndsWhatItSigned(t *testing.T) { // L3
	s := newScene(t)
	issued := s.want(s.issue("client_secret", s.grant), 201, "")
	client, password := issued.body["id"].(string), issued.body["secret"].(string)
	token := func() string {
		return s.want(s.form("/oauth2/token", client, password, url.Values{"grant_type": {"client_credentials"}}), 200, "").body["access_token"].(string)
	}
	active := func(token string) bool {
		return s.want(s.form("/oauth2/introspect", client, password, url.Values{"token": {token}}), 200, "").body["active"].(bool)
	}
	before := token()
	if !active(before) {
		t.Fatal("a new token is not active")
	}
	key := recorded[*issuancev1.SigningKeyActivated](s, "")[0].KeyId
	at, reason := "/v1/signing-keys/"+key+"/compromise", map[string]any{"reason": "a copy was found"}
	admin := s.platform()
	s.want(s.call(&s.owner, "POST", at, reason), 403, "role_missing")
	s.want(s.call(&admin, "POST", "/v1/signing-keys/"+id()+"/compromise", reason), 404, "not_found")
	ended := s.want(s.call(&admin, "POST", at, reason), 200, "")
	if active(before) {
		t.Fatal("what a compromised key signed is active")
	}
	s.eventually("another key signs", func() bool { return len(recorded[*issuancev1.SigningKeyActivated](s, "")) == 2 })
	s.eventually("it is active", func() bool {
		r := s.form("/oauth2/token", client, password, url.Values{"grant_type": {"client_credentials"}})
		return r.status == 200 && active(r.body["access_token"].(string))
	})
	listed := s.want(s.call(&admin, "GET", "/v1/signing-keys", nil), 200, "").body["items"].([]any)
	if len(listed) != 2 || listed[0].(map[string]any)["state"] != "compromised" || listed[1].(map[string]any)["state"] != "active" {
		t.Fatalf("keys %v", listed)
	}
	list := as[endings.List](s, s.want(s.call(&admin, "GET", fmt.Sprintf("/v1/endings/%.0f", ended.body["position"]), nil), 200, ""))
	if fmt.Sprint(list.Kinds) != "map[signing_key:1 token:1]" {
		t.Fatalf("the key took along %v", list.Ended)
	}
}

func TestWhatWasMadeInACompromisedSessionEnds(t *testing.T) { // A17, D8
	s := newScene(t)
	own := s.want(s.issue("api_key", s.grant), 201, "").body["id"].(string)
	other := s.second
	credential := func(p *principal.Principal, name string) string {
		return s.want(s.call(p, "POST", "/v1/credentials", map[string]any{"grant_id": s.grant, "kind": "api_key", "name": name}), 201, "").body["id"].(string)
	}
	kept, turned := credential(&other, "kept"), credential(&other, "turned")
	s.want(s.call(&s.owner, "POST", "/v1/credentials/"+turned+"/rotate", map[string]any{"overlap_seconds": 600}), 201, "")
	s.suite.Append("identity", "person", s.owner.ID, &identityv1.PersonSessionsCompromised{Reason: "stolen laptop"})
	s.eventually("what was issued there is revoked", func() bool {
		f := recorded[*issuancev1.CredentialRevoked](s, own)
		return len(f) == 1 && f[0].Reason == "session_compromised"
	})
	s.eventually("the generation made there is retired", func() bool {
		f := recorded[*issuancev1.CredentialRetired](s, turned)
		return len(f) == 1 && f[0].Generation == 2 && f[0].Reason == "session_compromised"
	})
	s.suite.Settle(t, s.running)
	live := s.running.Deps.Lineage
	for _, r := range []lineage.Ref{lineage.Part("generation", kept, 1), lineage.Part("generation", turned, 1)} {
		if err := live.Live(r, s.suite.Clock()); err != nil {
			t.Error(err)
		}
	}
	if n := len(recorded[*issuancev1.CredentialRevoked](s, kept)) + len(recorded[*issuancev1.CredentialRevoked](s, turned)); n != 0 {
		t.Errorf("%d credentials of others were revoked", n)
	}
}
