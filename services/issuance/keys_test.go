package issuance_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/principal"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

func (s *scene) keySet() (ids []string) {
	s.Helper()
	for _, k := range s.want(s.call(nil, "GET", "/oauth2/jwks", nil), 200, "").body["keys"].([]any) {
		ids = append(ids, k.(map[string]any)["kid"].(string))
	}
	return ids
}

func TestASigningKeyIsPublishedBeforeItSigns(t *testing.T) { // D2, X6
	s := newScene(t)
	grant := id()
	s.suite.Append("approval", "grant", grant, &approvalv1.GrantActivated{RequestId: s.request, ApplicationId: s.app, OrganizationId: s.org, ProductId: "p1",
		Scopes: []string{"accounts:read"}, Environment: "sandbox", Class: "partner", Until: in(40 * 24 * time.Hour)})
	client, password := s.secretClient(func(e *issuancev1.CredentialIssued) { e.GrantId, e.ExpiresAt = grant, in(40*24*time.Hour) })
	signer := func() string {
		s.Helper()
		return s.kid(s.token(s.form("/oauth2/token", client, password, machine)))
	}
	first := signer()
	if ids := s.keySet(); len(ids) != 1 || ids[0] != first {
		t.Fatalf("published %v", ids)
	}
	s.ahead.Store(int64(29*24*time.Hour + time.Minute))
	s.eventually("the next key is published", func() bool { return len(s.keySet()) == 2 })
	if signer() != first {
		t.Fatal("the next key signs before its time")
	}
	next := s.keySet()[0]
	if next == first {
		next = s.keySet()[1]
	}
	s.eventually("the next key is listed", func() bool { return len(recorded[*issuancev1.SigningKeyCreated](s, "")) == 2 })
	before := s.token(s.form("/oauth2/token", client, password, machine))
	s.ahead.Store(int64(30*24*time.Hour + time.Minute))
	s.eventually("the next key signs", func() bool { return signer() == next })
	if len(s.keySet()) != 2 || s.active(client, password, before) {
		t.Fatal("the turn made a third key, or an expired token is good")
	}
}

func TestASigningKeyIsTurnedOverByHand(t *testing.T) { // X6, L3
	s := newScene(t)
	client, password := s.secretClient(nil)
	before := s.token(s.form("/oauth2/token", client, password, machine))
	first := s.kid(before)
	administrator := func() principal.Principal {
		p := principal.Principal{ID: id(), Kind: principal.Person, Organization: s.org, Session: id(), Roles: []string{principal.PlatformAdmin}, ACR: "mfa", AMR: []string{"mfa"}, AuthTime: time.Now()}
		s.shown = s.suite.Append("identity", "person", p.ID, &identityv1.PersonProvisioned{OrganizationId: s.org})
		return p
	}
	admin, again := administrator(), administrator()
	s.want(s.call(&s.owner, "POST", "/v1/signing-keys/rotate", nil), 403, "role_missing")
	turned := s.want(s.call(&admin, "POST", "/v1/signing-keys/rotate", nil), 200, "")
	between := s.token(s.form("/oauth2/token", client, password, machine))
	second := s.kid(between)
	if turned.body["id"] != second || turned.body["previous"] != first || second == first {
		t.Fatalf("%v, and %s signs", turned.body, second)
	}
	if !s.active(client, password, before) || len(s.keySet()) != 2 {
		t.Fatal("a token of the key before is not good, or its key not published")
	}
	// Who made it was the custodian: the end of the administrator's session does not end every token.
	s.suite.Append("identity", "person", admin.ID, &identityv1.PersonSessionsCompromised{Reason: "stolen"})
	if !s.active(client, password, between) {
		t.Fatal("a key ends with the session it was asked for in")
	}
	second = s.kid(between)
	s.want(s.call(&again, "POST", "/v1/signing-keys/"+second+"/compromise", map[string]any{"reason": "a copy was found"}), 200, "")
	s.eventually("another key signs", func() bool {
		r := s.form("/oauth2/token", client, password, machine)
		return r.status == 200 && s.kid(r.body["access_token"].(string)) != second
	})
	if slices.Contains(s.keySet(), second) || s.active(client, password, between) || !s.active(client, password, before) {
		t.Fatal("a compromised key is published, or its token good, or the token of another not")
	}
}
