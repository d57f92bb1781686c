package issuance_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

const (
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessToken   = "urn:ietf:params:oauth:token-type:access_token"
)

// holder is a key that proves its possession, RFC 9449.
type holder struct {
	*scene
	key   ed25519.PrivateKey
	jwk   []byte
	nonce string
}

func (s *scene) holder() *holder {
	public, key, _ := ed25519.GenerateKey(nil)
	return &holder{s, key, jwkOf(s, public), ""}
}

func (h *holder) proof(path string, change map[string]any) string {
	claims, _ := json.Marshal(altered(map[string]any{"jti": id(), "htm": "POST", "htu": issuer + path, "iat": time.Now().Unix(), "nonce": h.nonce}, change))
	b := base64.RawURLEncoding
	signed := b.EncodeToString([]byte(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":`+string(h.jwk)+`}`)) + "." + b.EncodeToString(claims)
	return signed + "." + b.EncodeToString(ed25519.Sign(h.key, []byte(signed)))
}

// post asks with a proof, and again with the nonce the server then names.
func (h *holder) post(form url.Values, client, password string) reply {
	h.Helper()
	r := h.form("/oauth2/token", client, password, form, "DPoP", h.proof("/oauth2/token", nil))
	if r.body["error"] == "use_dpop_nonce" {
		h.nonce = r.header.Get("DPoP-Nonce")
		r = h.form("/oauth2/token", client, password, form, "DPoP", h.proof("/oauth2/token", nil))
	}
	return r
}

var machine = url.Values{"grant_type": {"client_credentials"}}

func TestATokenIsBoundToTheKeyOfTheProof(t *testing.T) { // D6, X6, RFC 9449
	s := newScene(t)
	client, password := s.secretClient(nil)
	bound, boundPassword := s.secretClient(func(e *issuancev1.CredentialIssued) { e.BoundTokens = true })
	h := s.holder()
	first := s.want(s.form("/oauth2/token", client, password, machine, "DPoP", h.proof("/oauth2/token", map[string]any{"nonce": nil})), 400, "use_dpop_nonce")
	h.nonce = first.header.Get("DPoP-Nonce")
	proof := h.proof("/oauth2/token", nil)
	r := s.want(s.form("/oauth2/token", client, password, machine, "DPoP", proof), 200, "")
	claims := s.claims(r.body["access_token"].(string))
	if r.body["token_type"] != "DPoP" || claims.Confirmation == nil || len(claims.Confirmation.JKT) != 43 || r.header.Get("DPoP-Nonce") == "" {
		t.Fatalf("%v bound to %+v", r.body, claims.Confirmation)
	}
	shown := s.want(s.form("/oauth2/introspect", client, password, url.Values{"token": {r.body["access_token"].(string)}}), 200, "")
	if cnf, _ := shown.body["cnf"].(map[string]any); shown.body["token_type"] != "DPoP" || cnf["jkt"] != claims.Confirmation.JKT {
		t.Fatalf("introspection says %v", shown.body)
	}
	s.want(s.form("/oauth2/token", client, password, machine, "DPoP", proof), 400, "invalid_dpop_proof")
	for name, change := range map[string]map[string]any{
		"another method":  {"htm": "GET"},
		"another address": {"htu": issuer + "/oauth2/introspect"},
		"another host":    {"htu": "https://other.example/oauth2/token"},
		"too old":         {"iat": time.Now().Add(-time.Hour).Unix()},
		"no id":           {"jti": nil},
	} {
		t.Run(name, func(*testing.T) {
			s.want(s.form("/oauth2/token", client, password, machine, "DPoP", h.proof("/oauth2/token", change)), 400, "invalid_dpop_proof")
		})
	}
	s.want(s.form("/oauth2/token", client, password, machine, "DPoP", h.proof("/oauth2/token", map[string]any{"nonce": "AAAA"})), 400, "use_dpop_nonce")
	s.want(s.form("/oauth2/token", client, password, machine, "DPoP", h.proof("/oauth2/token", nil), "Dpop", h.proof("/oauth2/token", nil)), 400, "invalid_dpop_proof")
	// Nobody learns by a good proof whether a secret is good.
	s.want(s.form("/oauth2/token", client, boundPassword, machine, "DPoP", h.proof("/oauth2/token", nil)), 401, "invalid_client")

	s.want(s.form("/oauth2/token", bound, boundPassword, machine), 400, "invalid_dpop_proof")
	s.want(s.form("/oauth2/token", bound, boundPassword, machine, "DPoP", h.proof("/oauth2/token", nil)), 200, "")
	for _, e := range observed[*activityv1.TokenIssued](s) {
		if e.ClientId == bound && e.Binding != "dpop" {
			t.Fatalf("recorded %v", e)
		}
	}
	for _, e := range observed[*activityv1.TokenRejected](s) {
		if e.Reason == "use_dpop_nonce" {
			t.Fatal("a step of the protocol is recorded as a refusal")
		}
	}
	if replays := observed[*activityv1.ReplayDetected](s); len(replays) != 1 || replays[0].Kind != "dpop_proof" || replays[0].ClientId != client {
		t.Fatalf("replays recorded: %v", replays)
	}
}

func exchanging(subject string, more ...string) url.Values {
	f := url.Values{"grant_type": {exchangeGrant}, "subject_token": {subject}, "subject_token_type": {accessToken}}
	for i := 0; i+1 < len(more); i += 2 {
		f[more[i]] = append(f[more[i]], more[i+1])
	}
	return f
}

func exchanger(e *issuancev1.CredentialIssued) {
	e.GrantTypes = []string{"client_credentials", exchangeGrant}
}

func (s *scene) token(r reply) string {
	s.Helper()
	return s.want(r, 200, "").body["access_token"].(string)
}

func (s *scene) active(client, password, token string) bool {
	s.Helper()
	return s.want(s.form("/oauth2/introspect", client, password, url.Values{"token": {token}}), 200, "").body["active"].(bool)
}

func TestAnExchangedTokenReachesLessAndDiesWithItsAncestors(t *testing.T) { // D7, D8, A15, X6, RFC 8693
	s := newScene(t)
	first, firstPassword := s.secretClient(exchanger)
	second, secondPassword := s.secretClient(func(e *issuancev1.CredentialIssued) { exchanger(e); e.Scopes = []string{"accounts:read"} })
	plain, plainPassword := s.secretClient(nil)
	subject := s.token(s.form("/oauth2/token", first, firstPassword, machine))
	from := s.claims(subject)

	r := s.want(s.form("/oauth2/token", second, secondPassword, exchanging(subject)), 200, "")
	made := r.body["access_token"].(string)
	c := s.claims(made)
	if r.body["issued_token_type"] != accessToken || r.body["scope"] != "accounts:read" || c.Subject != first || c.ClientID != second ||
		c.Actor == nil || c.Actor.Subject != second || c.Expires.Time().After(from.Expires.Time()) || len(c.Chain) != 1 || c.Chain[0].ID != from.ID {
		t.Fatalf("%v %+v", r.body, c)
	}
	shown := s.want(s.form("/oauth2/introspect", second, secondPassword, url.Values{"token": {made}}), 200, "")
	if act, _ := shown.body["act"].(map[string]any); act["sub"] != second || shown.body["sub"] != first || shown.body["sub_kind"] != "client" {
		t.Fatalf("introspection says %v", shown.body)
	}
	// Its own, narrowed: nobody else acts.
	own := s.claims(s.token(s.form("/oauth2/token", first, firstPassword, exchanging(subject, "scope", "entries:read"))))
	if own.Actor != nil || own.Scope != "entries:read" || own.Subject != first {
		t.Fatalf("narrowed %+v", own)
	}
	actor := s.token(s.form("/oauth2/token", second, secondPassword, machine))
	acted := s.claims(s.token(s.form("/oauth2/token", second, secondPassword, exchanging(subject, "actor_token", actor, "actor_token_type", accessToken))))
	if acted.Actor == nil || acted.Actor.Subject != second || len(acted.Chain) != 2 {
		t.Fatalf("with an actor: %+v", acted)
	}
	again := s.claims(s.token(s.form("/oauth2/token", first, firstPassword, exchanging(made))))
	if again.Actor.Subject != first || again.Actor.Actor == nil || again.Actor.Actor.Subject != second || len(again.Chain) != 2 {
		t.Fatalf("the chain of actors: %+v", again)
	}

	foreignSubject, foreignPassword := s.secretClient(func(e *issuancev1.CredentialIssued) { exchanger(e); e.OrganizationId = s.stranger.Organization })
	production, productionPassword := s.secretClient(func(e *issuancev1.CredentialIssued) { exchanger(e); e.Environment = "production" })
	elsewhere, elsewherePassword := s.secretClient(func(e *issuancev1.CredentialIssued) {
		exchanger(e)
		e.ProductId = "p2"
		e.Scopes = []string{"other:read"}
	})
	parts := strings.Split(subject, ".")
	for name, x := range map[string]struct {
		client, password string
		form             url.Values
		status           int
		code             string
	}{
		"a client that may not":             {plain, plainPassword, exchanging(subject), 400, "unauthorized_client"},
		"a wider scope than the subject's":  {first, firstPassword, exchanging(made, "scope", "entries:read"), 400, "invalid_scope"},
		"a wider scope than the client's":   {second, secondPassword, exchanging(subject, "scope", "entries:read"), 400, "invalid_scope"},
		"no subject":                        {second, secondPassword, url.Values{"grant_type": {exchangeGrant}}, 400, "invalid_request"},
		"no type of subject":                {second, secondPassword, url.Values{"grant_type": {exchangeGrant}, "subject_token": {subject}}, 400, "invalid_request"},
		"a refresh token as subject":        {second, secondPassword, exchanging(subject, "subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), 400, "invalid_request"},
		"a forged subject":                  {second, secondPassword, exchanging(parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86)), 400, "invalid_request"},
		"nonsense":                          {second, secondPassword, exchanging("nonsense"), 400, "invalid_request"},
		"another kind of token wanted":      {second, secondPassword, exchanging(subject, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), 400, "invalid_request"},
		"another audience":                  {second, secondPassword, exchanging(subject, "audience", accesstoken.AudienceOf("p2")), 400, "invalid_target"},
		"two audiences":                     {second, secondPassword, exchanging(subject, "audience", accesstoken.AudienceOf("p1"), "audience", accesstoken.AudienceOf("p2")), 400, "invalid_target"},
		"another resource":                  {second, secondPassword, exchanging(subject, "resource", "https://other.example"), 400, "invalid_target"},
		"another organisation's client":     {foreignSubject, foreignPassword, exchanging(subject), 400, "invalid_request"},
		"a client of another environment":   {production, productionPassword, exchanging(subject), 400, "invalid_request"},
		"a client with no scope in common":  {elsewhere, elsewherePassword, exchanging(subject), 400, "invalid_target"},
		"another's token as actor":          {second, secondPassword, exchanging(subject, "actor_token", subject, "actor_token_type", accessToken), 400, "invalid_request"},
		"an actor that acts for another":    {second, secondPassword, exchanging(subject, "actor_token", made, "actor_token_type", accessToken), 400, "invalid_request"},
		"an actor without a type":           {second, secondPassword, exchanging(subject, "actor_token", actor), 400, "invalid_request"},
		"a type of actor without one":       {second, secondPassword, exchanging(subject, "actor_token_type", accessToken), 400, "invalid_request"},
		"a subject said twice":              {second, secondPassword, exchanging(subject, "subject_token", subject), 400, "invalid_request"},
		"a bearer by whom nobody is proven": {second, "x", exchanging(subject), 401, "invalid_client"},
	} {
		t.Run(name, func(*testing.T) {
			if name == "a refresh token as subject" {
				x.form.Set("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token")
			}
			s.want(s.form("/oauth2/token", x.client, x.password, x.form), x.status, x.code)
		})
	}
	deep := subject
	for range accesstoken.MaxChain {
		deep = s.token(s.form("/oauth2/token", first, firstPassword, exchanging(deep)))
	}
	s.want(s.form("/oauth2/token", first, firstPassword, exchanging(deep)), 400, "invalid_request")

	exchanges := observed[*activityv1.TokenExchanged](s)
	if len(exchanges) < 4 || exchanges[0].SubjectTokenId != from.ID || exchanges[0].TokenId != c.ID || exchanges[0].Depth != 1 || exchanges[0].ClientId != second {
		t.Fatalf("recorded %v", exchanges)
	}
	// What ends the subject ends what was made of it, however deep.
	if !s.active(second, secondPassword, made) || !s.active(first, firstPassword, deep) {
		t.Fatal("an exchanged token is not good")
	}
	s.want(s.form("/oauth2/revoke", first, firstPassword, url.Values{"token": {subject}, "token_type_hint": {"anything"}}), 200, "")
	if s.active(second, secondPassword, made) || s.active(first, firstPassword, deep) {
		t.Fatal("an exchanged token outlives its subject")
	}
	s.want(s.form("/oauth2/token", second, secondPassword, exchanging(subject)), 400, "invalid_request")
	later := s.token(s.form("/oauth2/token", first, firstPassword, machine))
	made = s.token(s.form("/oauth2/token", second, secondPassword, exchanging(later)))
	s.suite.Append("issuance", "credential", first, &issuancev1.CredentialRevoked{Reason: "policy"})
	s.eventually("the exchanged token dies with the client of its subject", func() bool { return !s.active(second, secondPassword, made) })
}

func TestABoundSubjectNeverBecomesABearer(t *testing.T) { // D6, D7
	s := newSceneWith(t, map[string]string{"CHANCERY_CLIENT_CERT_PROXIES": "127.0.0.0/8,::1/128"})
	client, password := s.secretClient(exchanger)
	h, thief := s.holder(), s.holder()
	subject := s.token(h.post(machine, client, password))
	thief.nonce = h.nonce
	s.want(s.form("/oauth2/token", client, password, exchanging(subject)), 400, "invalid_dpop_proof")
	s.want(thief.post(exchanging(subject), client, password), 400, "invalid_dpop_proof")
	r := s.want(h.post(exchanging(subject), client, password), 200, "")
	if c := s.claims(r.body["access_token"].(string)); r.body["token_type"] != "DPoP" || c.Confirmation == nil || c.Confirmation.JKT != s.claims(subject).Confirmation.JKT {
		t.Fatalf("%v", r.body)
	}
	// A bearer token may become bound, and then stays so.
	bearer := s.token(s.form("/oauth2/token", client, password, machine))
	bound := s.token(h.post(exchanging(bearer), client, password))
	s.want(s.form("/oauth2/token", client, password, exchanging(bound)), 400, "invalid_dpop_proof")

	cert, other := certificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)), certificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	sum := sha256.Sum256(cert.Raw)
	mutual, mutualPassword := s.secretClient(func(e *issuancev1.CredentialIssued) { exchanger(e); e.BoundTokens = true })
	subject = s.token(s.form("/oauth2/token", mutual, mutualPassword, machine, "Client-Cert", header9440(cert)))
	s.want(s.form("/oauth2/token", client, password, exchanging(subject)), 400, "invalid_dpop_proof")
	s.want(s.form("/oauth2/token", client, password, exchanging(subject), "Client-Cert", header9440(other)), 400, "invalid_dpop_proof")
	made := s.claims(s.token(s.form("/oauth2/token", client, password, exchanging(subject), "Client-Cert", header9440(cert))))
	if made.Confirmation == nil || made.Confirmation.X5T != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Fatalf("bound to %+v", made.Confirmation)
	}
}

func TestATokenIsShownToWhomItIsFor(t *testing.T) { // A16, X6, RFC 7662
	s := newScene(t)
	client, password := s.secretClient(nil)
	same, samePassword := s.secretClient(nil)
	provider := id()
	s.suite.Append("identity", "organization", provider, &identityv1.OrganizationRegistered{Name: "x", Kind: "partner", ContractEndsAt: in(1000 * time.Hour)})
	s.suite.Append("registry", "product", "p1", &registryv1.ProductDrafted{Slug: "p1", Name: "p1", OrganizationId: provider})
	by := func(change func(*issuancev1.CredentialIssued)) func(string) bool {
		c, p := s.secretClient(change)
		return func(token string) bool { return s.active(c, p, token) }
	}
	foreign := by(func(e *issuancev1.CredentialIssued) { e.OrganizationId = s.stranger.Organization })
	server := by(func(e *issuancev1.CredentialIssued) { e.OrganizationId = provider })
	otherProduct := by(func(e *issuancev1.CredentialIssued) { e.OrganizationId = provider; e.ProductId = "p2" })
	production := by(func(e *issuancev1.CredentialIssued) { e.OrganizationId = provider; e.Environment = "production" })
	token := s.token(s.form("/oauth2/token", client, password, machine))
	for name, c := range map[string]struct{ got, want bool }{
		"its own client":            {s.active(client, password, token), true},
		"another of its own":        {s.active(same, samePassword, token), true},
		"the product's provider":    {server(token), true},
		"another consumer":          {foreign(token), false},
		"another product":           {otherProduct(token), false},
		"another environment":       {production(token), false},
		"an API key shown as token": {s.active(client, password, password), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: active is %v", name, c.got)
		}
	}
	s.want(s.form("/oauth2/introspect", client, "x", url.Values{"token": {token}}), 401, "invalid_client")
	s.want(s.form("/oauth2/introspect", client, password, url.Values{}), 400, "invalid_request")
	s.want(s.form("/oauth2/revoke", same, samePassword, url.Values{"token": {token}}), 200, "")
	if !s.active(client, password, token) {
		t.Fatal("another client's revocation ended the token")
	}
	if r := s.call(nil, "GET", "/oauth2/token", nil); r.status != http.StatusMethodNotAllowed {
		t.Fatalf("GET answers %d", r.status)
	}
}

func TestWhatWasMadeInACompromisedSessionDiesWithIt(t *testing.T) { // A17
	s := newScene(t)
	issued := s.want(s.issue("client_secret", s.grant), 201, "")
	client, password := issued.body["id"].(string), issued.body["secret"].(string)
	watcher, watcherPassword := s.secretClient(nil)
	token := s.token(s.form("/oauth2/token", client, password, machine))
	s.suite.Append("identity", "person", s.owner.ID, &identityv1.PersonSessionsEnded{Reason: "sign_out"})
	if !s.active(watcher, watcherPassword, token) {
		t.Fatal("signing out ended a machine's token")
	}
	s.suite.Append("identity", "person", s.owner.ID, &identityv1.PersonSessionsCompromised{Reason: "stolen"})
	s.eventually("the token dies", func() bool { return !s.active(watcher, watcherPassword, token) })
	s.want(s.form("/oauth2/token", client, password, machine), 401, "invalid_client")
}

func TestATokenForAPersonStaysOneAndStaysWithinTheirConsent(t *testing.T) { // A15, D7, D8
	s := newScene(t)
	client, password := s.registered("client_secret", "partner")
	worker, workerPassword := s.secretClient(exchanger)
	elsewhere, elsewherePassword := s.secretClient(func(e *issuancev1.CredentialIssued) { exchanger(e); e.ProductId = "p2" })
	got := s.want(s.form("/oauth2/token", client, password, redemption(s.code(client))), 200, "")
	subject, refresh := got.body["access_token"].(string), got.body["refresh_token"].(string)
	from := s.claims(subject)
	made := s.token(s.form("/oauth2/token", worker, workerPassword, exchanging(subject)))
	c := s.claims(made)
	if c.Subject != s.owner.ID || c.Consent != from.Consent || c.ClientID != worker || c.Actor == nil || c.Actor.Subject != worker || c.Scope != "accounts:read" {
		t.Fatalf("exchanged %+v", c)
	}
	if shown := s.want(s.form("/oauth2/introspect", worker, workerPassword, url.Values{"token": {made}}), 200, ""); shown.body["sub_kind"] != "person" {
		t.Fatalf("introspection says %v", shown.body)
	}
	own := s.token(s.form("/oauth2/token", worker, workerPassword, machine))
	for name, x := range map[string]struct {
		client, password string
		form             url.Values
		code             string
	}{
		"for another product":               {elsewhere, elsewherePassword, exchanging(subject), "invalid_target"},
		"beyond what the person agreed to":  {worker, workerPassword, exchanging(subject, "scope", "entries:read"), "invalid_scope"},
		"a person as actor for a machine":   {worker, workerPassword, exchanging(own, "actor_token", made, "actor_token_type", accessToken), "invalid_request"},
		"a refresh token dressed as access": {worker, workerPassword, exchanging(refresh), "invalid_request"},
		"a client not registered for it":    {client, password, exchanging(subject), "unauthorized_client"},
	} {
		t.Run(name, func(*testing.T) { s.want(s.form("/oauth2/token", x.client, x.password, x.form), 400, x.code) })
	}
	for _, e := range observed[*activityv1.TokenExchanged](s) {
		if e.TokenId == c.ID && e.PersonId != s.owner.ID {
			t.Fatalf("recorded %v", e)
		}
	}
	s.suite.Append("issuance", "consent", from.Consent, &issuancev1.ConsentRevoked{Reason: "withdrawn"})
	s.eventually("what was exchanged dies with the consent", func() bool { return !s.active(worker, workerPassword, made) })
	s.want(s.form("/oauth2/token", worker, workerPassword, exchanging(made)), 400, "invalid_request")
}
