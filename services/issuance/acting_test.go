package issuance_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

const (
	back     = "https://client.example/back?from=chancery"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	portal   = "https://portal.example"
)

// registered makes a client that may act for people; a public one has no secret.
func (s *scene) registered(kind, class string) (client, password string) {
	s.Helper()
	client = id()
	e := &issuancev1.CredentialIssued{Kind: kind, Name: "Ledger Sync", GrantId: s.grant, RequestId: s.request, ApplicationId: s.app, OrganizationId: s.org, ProductId: "p1",
		Scopes: []string{"accounts:read", "entries:read"}, Environment: "sandbox", Class: class, Generation: 1, ExpiresAt: in(240 * time.Hour),
		RedirectUris: []string{back, "http://127.0.0.1/cb"}, BoundTokens: kind == "public_client",
		GrantTypes: []string{"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"}}
	if kind == "client_secret" {
		key := secret.NewKey(secret.Test)
		sum := s.running.Deps.Fingerprints.Of(key.Reveal())
		e.Hint, e.Fingerprint, password = key.Hint(), sum[:], key.Reveal()
	}
	s.shown = s.suite.Append("issuance", "credential", client, e)
	return client, password
}

func request(client string, change ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	v := url.Values{"response_type": {"code"}, "client_id": {client}, "redirect_uri": {back}, "state": {"xyz"}, "scope": {"accounts:read"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	for i := 0; i+1 < len(change); i += 2 {
		if v.Set(change[i], change[i+1]); change[i+1] == "" {
			v.Del(change[i])
		}
	}
	return v
}

type shownPage struct {
	status int
	to     *url.URL
	body   string
	header http.Header
}

// browse sends what a browser would, following nothing.
func (s *scene) browse(p *principal.Principal, method, path string, form url.Values) shownPage {
	s.Helper()
	r, err := http.NewRequest(method, s.running.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if p != nil {
		q := *p
		q.Seen, q.SessionSeen = s.shown, s.shown
		r.Header.Set("Authorization", "Bearer "+s.suite.Token("issuance", q))
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	b, _ := io.ReadAll(response.Body)
	to, _ := response.Location()
	return shownPage{response.StatusCode, to, string(b), response.Header}
}

var hidden = regexp.MustCompile(`name="(request|key)" value="([^"]*)"`)

// consents asks for a code and answers the page; it gives where the browser is sent.
func (s *scene) consents(p *principal.Principal, query url.Values, decision string) shownPage {
	s.Helper()
	begun := s.browse(nil, "GET", "/oauth2/authorize?"+query.Encode(), nil)
	if begun.status != 303 || !strings.HasPrefix(begun.to.Path, "/oauth2/consent") {
		s.Fatalf("authorize: %d %v %s", begun.status, begun.to, begun.body)
	}
	return s.decides(p, begun.to.RequestURI(), decision)
}

func (s *scene) decides(p *principal.Principal, at, decision string) shownPage {
	s.Helper()
	asked := s.browse(p, "GET", at, nil)
	if asked.status != 200 {
		return asked
	}
	f := url.Values{"decision": {decision}}
	for _, m := range hidden.FindAllStringSubmatch(asked.body, -1) {
		f.Set(m[1], html.UnescapeString(m[2]))
	}
	return s.browse(p, "POST", "/oauth2/consent", f)
}

func (s *scene) code(client string, change ...string) string {
	s.Helper()
	done := s.consents(&s.owner, request(client, change...), "allow")
	if done.status != 303 || done.to.Query().Get("code") == "" || done.to.Query().Get("state") != "xyz" || done.to.Query().Get("iss") != portal {
		s.Fatalf("consent: %d %v %s", done.status, done.to, done.body)
	}
	return done.to.Query().Get("code")
}

func redemption(code string, change ...string) url.Values {
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back}, "code_verifier": {verifier}}
	for i := 0; i+1 < len(change); i += 2 {
		if v.Set(change[i], change[i+1]); change[i+1] == "" {
			v.Del(change[i])
		}
	}
	return v
}

// prover makes proofs of possession.
type prover struct {
	key   *ecdsa.PrivateKey
	nonce string
}

func newProver() *prover {
	k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &prover{key: k}
}

func (p *prover) thumbprint() string {
	jwk := jose.JSONWebKey{Key: p.key.Public()}
	sum, _ := jwk.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum)
}

func (p *prover) proof(method, target string) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		panic(err)
	}
	claims := map[string]any{"jti": id(), "htm": method, "htu": target, "iat": time.Now().Unix()}
	if p.nonce != "" {
		claims["nonce"] = p.nonce
	}
	out, _ := jwt.Signed(signer).Claims(claims).Serialize()
	return out
}

// openly asks the token endpoint as a public client, proving a key.
func (s *scene) openly(path, client string, p *prover, form url.Values) reply {
	s.Helper()
	form.Set("client_id", client)
	for range 2 {
		r, _ := http.NewRequest("POST", s.running.URL+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if p != nil {
			r.Header.Set("DPoP", p.proof("POST", portal+path))
		}
		out := s.send(r)
		if out.body["error"] != "use_dpop_nonce" {
			return out
		}
		p.nonce = out.header.Get("DPoP-Nonce")
	}
	s.Fatal("the nonce was not taken")
	return reply{}
}

func (s *scene) alive(client, password, token string) bool {
	s.Helper()
	return s.want(s.form("/oauth2/introspect", client, password, url.Values{"token": {token}}), 200, "").body["active"].(bool)
}

func TestAPersonLetsAnApplicationActForThem(t *testing.T) { // A15, D17, X6
	s := newScene(t)
	client, password := s.registered("client_secret", "partner")
	begun := s.browse(nil, "GET", "/oauth2/authorize?"+request(client).Encode(), nil)
	page := s.browse(&s.owner, "GET", begun.to.RequestURI(), nil)
	for _, want := range []string{"Ledger Sync", "accounts:read", "client.example", "sandbox"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page does not say %q:\n%s", want, page.body)
		}
	}
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://client.example;") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Error(csp)
	}
	code := s.code(client)
	got := s.want(s.form("/oauth2/token", client, password, redemption(code)), 200, "")
	access, refresh := got.body["access_token"].(string), got.body["refresh_token"].(string)
	told := s.want(s.form("/oauth2/introspect", client, password, url.Values{"token": {access}}), 200, "").body
	if told["active"] != true || told["sub"] != s.owner.ID || told["client_id"] != client || got.body["scope"] != "accounts:read" {
		t.Fatalf("%v %v", got.body, told)
	}
	given := recorded[*issuancev1.ConsentGiven](s, "")
	if len(given) != 1 || given[0].PersonId != s.owner.ID || given[0].GetCredentialId() != client || given[0].Flow != "authorization_code" {
		t.Fatal(given)
	}
	for _, r := range s.records() {
		for _, fact := range r.Facts {
			if _, ok := fact.(*issuancev1.ConsentGiven); ok && (r.Envelope.GetActor().GetId() != s.owner.ID || r.Envelope.GetActor().GetSession() != s.owner.Session) {
				t.Fatalf("given by %v", r.Envelope.GetActor())
			}
			if bytes.Contains(r.Raw, []byte(refresh)) || bytes.Contains(r.Raw, []byte(code)) {
				t.Fatal("a secret is in the log")
			}
		}
	}
	list := s.want(s.call(&s.owner, "GET", "/v1/consents", nil, "Chancery-Position", s.tail()), 200, "").body["items"].([]any)
	first := list[0].(map[string]any)
	if len(list) != 1 || first["state"] != "active" || first["allowed"].(map[string]any)["revoke"].(map[string]any)["allowed"] != true {
		t.Fatal(list)
	}
	at := "/v1/consents/" + first["id"].(string)
	s.want(s.call(&s.stranger, "GET", at, nil), 404, "not_found")
	s.want(s.call(&s.second, "GET", at, nil), 404, "not_found")
	s.want(s.call(&s.owner, "POST", at+"/revoke", nil), 200, "")
	if s.alive(client, password, access) || s.alive(client, password, refresh) {
		t.Fatal("a token outlives the consent")
	}
	s.want(s.form("/oauth2/token", client, password, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}), 400, "invalid_grant")
	denied := s.consents(&s.owner, request(client), "deny")
	if denied.to.Query().Get("error") != "access_denied" || denied.to.Query().Get("iss") != portal || denied.to.Query().Get("from") != "chancery" {
		t.Fatal(denied.to)
	}
}

func (s *scene) tail() string {
	r := s.records()
	return strconv.FormatUint(r[len(r)-1].Sequence, 10)
}

func TestARefreshTokenThatComesBackEndsItsFamily(t *testing.T) { // D3, RFC 9700 §4.14.2
	s := newScene(t)
	client, password := s.registered("client_secret", "partner")
	token := func(v url.Values) reply { return s.form("/oauth2/token", client, password, v) }
	first := s.want(token(redemption(s.code(client))), 200, "").body
	refresh := func(t any) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.(string)}}
	}
	second := s.want(token(refresh(first["refresh_token"])), 200, "").body
	if second["refresh_token"] == first["refresh_token"] || !s.alive(client, password, second["access_token"].(string)) {
		t.Fatal(second)
	}
	if s.alive(client, password, first["refresh_token"].(string)) || !s.alive(client, password, second["refresh_token"].(string)) {
		t.Fatal("introspection of refresh tokens is wrong")
	}
	other, otherPassword := s.registered("client_secret", "partner")
	s.want(s.form("/oauth2/token", other, otherPassword, refresh(first["refresh_token"])), 400, "invalid_grant") // another's, and no reuse
	s.want(token(refresh(second["refresh_token"].(string)[:60]+strings.Repeat("A", 46))), 400, "invalid_grant")
	v := refresh(second["refresh_token"])
	v.Set("scope", "entries:read")
	s.want(token(v), 400, "invalid_scope")
	if !s.alive(client, password, second["access_token"].(string)) {
		t.Fatal("ended by somebody else's attempt")
	}
	s.want(token(refresh(first["refresh_token"])), 400, "invalid_grant")
	if n := recorded[*issuancev1.ConsentReuseDetected](s, ""); len(n) != 1 || n[0].Number != 1 {
		t.Fatal(n)
	}
	for _, dead := range []any{second["access_token"], second["refresh_token"]} {
		if s.alive(client, password, dead.(string)) {
			t.Fatal("the family lives on")
		}
	}
	s.want(token(refresh(second["refresh_token"])), 400, "invalid_grant")
	third := s.want(token(redemption(s.code(client))), 200, "").body
	s.want(s.form("/oauth2/revoke", client, password, url.Values{"token": {third["refresh_token"].(string)}}), 200, "")
	if s.alive(client, password, third["access_token"].(string)) {
		t.Fatal("revoking a refresh token left its access token alive")
	}
}

func TestACodeIsForOneClientOnceAndItsVerifier(t *testing.T) { // D3, RFC 6749 §4.1.2, RFC 7636, RFC 9700 §2.1.1
	s := newScene(t)
	client, password := s.registered("client_secret", "partner")
	other, otherPassword := s.registered("client_secret", "partner")
	code := s.code(client)
	s.want(s.form("/oauth2/token", other, otherPassword, redemption(code)), 400, "invalid_grant")
	for name, bad := range map[string]url.Values{
		"no verifier":      redemption(code, "code_verifier", ""),
		"another verifier": redemption(code, "code_verifier", strings.Repeat("a", 43)),
		"a short verifier": redemption(code, "code_verifier", "short"),
		"no address":       redemption(code, "redirect_uri", ""),
		"another address":  redemption(code, "redirect_uri", "http://127.0.0.1/cb"),
		"another code":     redemption(code + "x"),
		"another product":  redemption(code, "resource", "urn:chancery:product:p2"),
	} {
		want := "invalid_grant"
		if name == "another product" {
			want = "invalid_target"
		}
		t.Run(name, func(*testing.T) { s.want(s.form("/oauth2/token", client, password, bad), 400, want) })
	}
	access := s.want(s.form("/oauth2/token", client, password, redemption(code)), 200, "").body["access_token"].(string)
	s.want(s.form("/oauth2/token", client, password, redemption(code)), 400, "invalid_grant")
	if s.alive(client, password, access) || len(recorded[*issuancev1.ConsentReuseDetected](s, "")) != 1 {
		t.Fatal("a code redeemed twice left its tokens alive")
	}
	late := s.code(client)
	s.ahead.Store(int64(61 * time.Second))
	s.want(s.form("/oauth2/token", client, password, redemption(late)), 400, "invalid_grant")
	s.want(s.form("/oauth2/token", client, password, url.Values{"grant_type": {"client_credentials"}}), 400, "unauthorized_client") // A15
}

func TestWhatIsAskedForIsRefused(t *testing.T) { // D14, D16
	s := newScene(t)
	client, password := s.registered("client_secret", "partner")
	sensitive, sensitivePassword := s.registered("client_secret", "sensitive")
	plain := s.want(s.issue("client_secret", s.grant), 201, "").body["id"].(string)
	for name, q := range map[string]url.Values{
		"an unknown client":                        request(id()),
		"no client":                                request(""),
		"an address nobody registered":             request(client, "redirect_uri", "https://evil.example/back"),
		"a path below":                             request(client, "redirect_uri", back+"/more"),
		"another port of a public address":         request(client, "redirect_uri", "https://client.example:8443/back?from=chancery"),
		"no address where there are two":           request(client, "redirect_uri", ""),
		"a client that acts for itself":            request(plain),
		"an address twice":                         {"client_id": {client}, "redirect_uri": {back, back}},
		"a request nobody pushed":                  {"client_id": {client}, "request_uri": {"urn:ietf:params:oauth:request_uri:x"}},
		"a request at an address of its own":       {"client_id": {client}, "request_uri": {"https://evil.example/request.jwt"}},
		"localhost by name":                        request(client, "redirect_uri", "http://localhost:1234/cb"),
		"a user before the loopback":               request(client, "redirect_uri", "http://127.0.0.1:80@evil.example/cb"),
		"a client in capitals, which is no client": request(strings.ToUpper(client)),
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.browse(nil, "GET", "/oauth2/authorize?"+q.Encode(), nil); got.to != nil || got.status != 400 {
				t.Fatalf("%d to %v", got.status, got.to)
			}
		})
	}
	for name, c := range map[string]struct {
		q    url.Values
		want string
	}{
		"no challenge":                    {request(client, "code_challenge", ""), "invalid_request"},
		"a plain challenge":               {request(client, "code_challenge_method", "plain"), "invalid_request"},
		"no method":                       {request(client, "code_challenge_method", ""), "invalid_request"},
		"a token at once":                 {request(client, "response_type", "token"), "unsupported_response_type"},
		"an answer in a fragment":         {request(client, "response_mode", "fragment"), "invalid_request"},
		"a scope not granted":             {request(client, "scope", "payments:write"), "invalid_scope"},
		"another product":                 {request(client, "resource", "urn:chancery:product:p2"), "invalid_target"},
		"without asking":                  {request(client, "prompt", "none"), "interaction_required"},
		"a request object":                {request(client, "request", "e30."), "request_not_supported"},
		"a thumbprint that is none":       {request(client, "dpop_jkt", "x"), "invalid_request"},
		"an age that is none":             {request(client, "max_age", "-1"), "invalid_request"},
		"a sensitive product, not pushed": {request(sensitive), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.browse(nil, "GET", "/oauth2/authorize?"+c.q.Encode(), nil)
			if got.to == nil || got.to.Host != "client.example" || got.to.Query().Get("error") != c.want || got.to.Query().Get("state") != "xyz" || got.to.Query().Get("iss") != portal {
				t.Fatalf("%d to %v", got.status, got.to)
			}
		})
	}
	pushed := s.want(s.form("/oauth2/par", sensitive, sensitivePassword, request(sensitive)), 201, "").body["request_uri"].(string)
	s.want(s.form("/oauth2/par", client, password, url.Values{"request_uri": {pushed}}), 400, "invalid_request")
	s.want(s.form("/oauth2/par", client, password, request(client, "redirect_uri", "https://evil.example/")), 400, "invalid_request")
	q := url.Values{"client_id": {sensitive}, "request_uri": {pushed}}
	begun := s.browse(nil, "GET", "/oauth2/authorize?"+q.Encode(), nil)
	if begun.status != 303 {
		t.Fatal(begun.body)
	}
	if again := s.browse(nil, "GET", "/oauth2/authorize?"+q.Encode(), nil); again.status != 400 {
		t.Fatal("a pushed request was used twice")
	}
	stale := s.owner
	stale.AuthTime = time.Now().Add(-time.Hour)
	if got := s.decides(&stale, begun.to.RequestURI(), "allow"); got.status != 303 || got.to.Path != "/auth/step-up" { // A2
		t.Fatalf("a sensitive product without a fresh second factor: %d %v", got.status, got.to)
	}
	if got := s.decides(&s.owner, begun.to.RequestURI(), "allow"); got.to == nil || got.to.Query().Get("code") == "" {
		t.Fatalf("%d %v %s", got.status, got.to, got.body)
	}
}

func TestNobodyDecidesForAnother(t *testing.T) { // A15, A16
	s := newScene(t)
	client, _ := s.registered("client_secret", "partner")
	begin := func(change ...string) string {
		return s.browse(nil, "GET", "/oauth2/authorize?"+request(client, change...).Encode(), nil).to.RequestURI()
	}
	if got := s.decides(&s.stranger, begin(), "allow"); got.status != 403 || got.to != nil {
		t.Fatalf("a person of another organisation: %d %v", got.status, got.to)
	}
	at := begin()
	asked := s.browse(&s.owner, "GET", at, nil)
	f := url.Values{"decision": {"allow"}}
	for _, m := range hidden.FindAllStringSubmatch(asked.body, -1) {
		f.Set(m[1], m[2])
	}
	if got := s.browse(&s.second, "POST", "/oauth2/consent", f); got.to != nil || got.status != 404 {
		t.Fatalf("another person answered: %d %v", got.status, got.to)
	}
	forged := url.Values{"decision": {"allow"}, "request": f["request"], "key": {"x"}}
	if got := s.browse(&s.owner, "POST", "/oauth2/consent", forged); got.to != nil || got.status != 404 {
		t.Fatalf("a forged form was taken: %d %v", got.status, got.to)
	}
	if got := s.browse(nil, "POST", "/oauth2/consent", f); got.status != 401 {
		t.Fatalf("without a session: %d", got.status)
	}
	if got := s.browse(&s.owner, "POST", "/oauth2/consent", f); got.status != 303 || got.to.Query().Get("code") == "" {
		t.Fatalf("%d %v", got.status, got.to)
	}
	if got := s.browse(&s.owner, "POST", "/oauth2/consent", f); got.status != 404 {
		t.Fatalf("answered twice: %d", got.status)
	}
	old := s.owner
	old.AuthTime = time.Now().Add(-time.Hour)
	for _, change := range [][]string{{"prompt", "login"}, {"max_age", "600"}} {
		if got := s.decides(&old, begin(change...), "allow"); got.to == nil || got.to.Path != "/auth/step-up" {
			t.Fatalf("%v: %d %v", change, got.status, got.to)
		}
	}
}

func TestAPublicClientIsBoundToItsKey(t *testing.T) { // D6, RFC 9449 §5, §10
	s := newScene(t)
	client, _ := s.registered("public_client", "partner")
	mine, thiefs := newProver(), newProver()
	code := s.code(client, "dpop_jkt", mine.thumbprint())
	s.want(s.openly("/oauth2/token", client, nil, redemption(code)), 400, "invalid_grant")
	s.want(s.openly("/oauth2/token", client, thiefs, redemption(code)), 400, "invalid_grant")
	first := s.want(s.openly("/oauth2/token", client, mine, redemption(code)), 200, "").body
	refresh := func() url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first["refresh_token"].(string)}}
	}
	if first["token_type"] != "DPoP" {
		t.Fatal(first)
	}
	s.want(s.openly("/oauth2/token", client, nil, refresh()), 400, "invalid_grant")
	s.want(s.openly("/oauth2/token", client, thiefs, refresh()), 400, "invalid_grant")
	second := s.want(s.openly("/oauth2/token", client, mine, refresh()), 200, "").body
	s.want(s.openly("/oauth2/token", client, thiefs, refresh()), 400, "invalid_grant") // reuse, by whatever key
	if len(recorded[*issuancev1.ConsentReuseDetected](s, "")) != 1 {
		t.Fatal("reuse was not seen")
	}
	s.want(s.openly("/oauth2/token", client, mine, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {second["refresh_token"].(string)}}), 400, "invalid_grant")
	confidential, _ := s.registered("client_secret", "partner")
	s.want(s.openly("/oauth2/token", confidential, mine, redemption(s.code(confidential))), 401, "invalid_client")
	// A request pushed with a proof binds the code to its key.
	pushed := s.want(s.openly("/oauth2/par", client, mine, request(client)), 201, "").body["request_uri"].(string)
	done := s.consents(&s.owner, url.Values{"client_id": {client}, "request_uri": {pushed}}, "allow")
	s.want(s.openly("/oauth2/token", client, thiefs, redemption(done.to.Query().Get("code"))), 400, "invalid_grant")
	s.want(s.openly("/oauth2/token", client, mine, redemption(done.to.Query().Get("code"))), 200, "")
}

func TestADeviceIsConnectedByAPersonInFrontOfIt(t *testing.T) { // A18, RFC 8628
	s := newScene(t)
	client, password := s.registered("client_secret", "partner")
	begin := func() map[string]any {
		return s.want(s.form("/oauth2/device_authorization", client, password, url.Values{"scope": {"accounts:read"}}), 200, "").body
	}
	poll := func(d map[string]any) reply {
		s.ahead.Add(int64(6 * time.Second))
		return s.form("/oauth2/token", client, password, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {d["device_code"].(string)}})
	}
	d := begin()
	if d["verification_uri"] != portal+"/device" || d["verification_uri_complete"] != nil {
		t.Fatal(d)
	}
	s.want(poll(d), 400, "authorization_pending")
	s.ahead.Add(-int64(6 * time.Second))
	s.want(poll(d), 400, "slow_down")
	if got := s.browse(&s.owner, "POST", "/device", url.Values{"user_code": {"BCDF-GHJK"}}); got.status != 422 {
		t.Fatal(got.status)
	}
	type_ := func(p *principal.Principal, d map[string]any, decision string) shownPage {
		typed := s.browse(p, "POST", "/device", url.Values{"user_code": {strings.ToLower(d["user_code"].(string))}})
		if typed.status != 303 {
			t.Fatalf("%d %s", typed.status, typed.body)
		}
		page := s.browse(p, "GET", typed.to.RequestURI(), nil)
		if page.status == 200 && (!strings.Contains(page.body, "127.0.0.1") || !strings.Contains(page.body, "Only go on if you started this yourself")) {
			t.Errorf("the page does not warn:\n%s", page.body)
		}
		return s.decides(p, typed.to.RequestURI(), decision)
	}
	if got := type_(&s.stranger, d, "allow"); got.status != 403 {
		t.Fatal(got.status)
	}
	if got := type_(&s.owner, d, "allow"); got.status != 200 || !strings.Contains(got.body, "connected") {
		t.Fatalf("%d %s", got.status, got.body)
	}
	s.ahead.Add(int64(30 * time.Second))
	access := s.want(poll(d), 200, "").body["access_token"].(string)
	if !s.alive(client, password, access) || recorded[*issuancev1.ConsentGiven](s, "")[0].Flow != "device" {
		t.Fatal("the device got nothing")
	}
	s.want(poll(d), 400, "invalid_grant")
	if s.alive(client, password, access) {
		t.Fatal("a device code redeemed twice left its tokens alive")
	}
	denied := begin()
	type_(&s.owner, denied, "deny")
	s.want(poll(denied), 400, "access_denied")
	over := begin()
	s.ahead.Add(int64(11 * time.Minute))
	s.want(poll(over), 400, "expired_token")
}

func TestWhatEndsAConsent(t *testing.T) { // A17, D8, L3
	for name, end := range map[string]func(s *scene){
		"sessions compromised": func(s *scene) {
			s.shown = s.suite.Append("identity", "person", s.owner.ID, &identityv1.PersonSessionsCompromised{Reason: "stolen laptop"})
		},
		"person left": func(s *scene) {
			s.shown = s.suite.Append("identity", "person", s.owner.ID, &identityv1.PersonDeprovisioned{Reason: "left"})
		},
		"its time": func(s *scene) { s.ahead.Store(int64(31 * 24 * time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			client, password := s.registered("client_secret", "partner")
			got := s.want(s.form("/oauth2/token", client, password, redemption(s.code(client))), 200, "").body
			waiting := s.code(client)
			end(s)
			s.eventually("the end is known", func() bool { return s.running.Deps.Lineage.Position() >= s.shown })
			want, status := "invalid_grant", 400
			if name == "its time" { // the credential's own time is over too
				want, status = "invalid_client", 401
			}
			s.want(s.form("/oauth2/token", client, password, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got["refresh_token"].(string)}}), status, want)
			s.want(s.form("/oauth2/token", client, password, redemption(waiting)), status, want)
			s.eventually("the end is recorded", func() bool {
				return len(recorded[*issuancev1.ConsentRevoked](s, ""))+len(recorded[*issuancev1.ConsentExpired](s, "")) > 0
			})
		})
	}
}
