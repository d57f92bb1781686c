package issuance_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/secret"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

const issuer = "https://portal.example"

// client is an OAuth client as the log tells of it.
func (s *scene) client(change func(*issuancev1.CredentialIssued)) string {
	s.Helper()
	e := &issuancev1.CredentialIssued{
		Kind: "client_secret", Name: "nightly", GrantId: s.grant, RequestId: s.request, ApplicationId: s.app, OrganizationId: s.org, ProductId: "p1",
		Scopes: []string{"accounts:read", "entries:read"}, Environment: "sandbox", Class: "partner", Generation: 1, ExpiresAt: in(24 * time.Hour),
	}
	change(e)
	name := id()
	s.shown = s.suite.Append("issuance", "credential", name, e)
	return name
}

// secretClient is a client with a secret, and that.
func (s *scene) secretClient(change func(*issuancev1.CredentialIssued)) (string, string) {
	s.Helper()
	key := secret.NewKey(secret.Test).Reveal()
	print := s.running.Deps.Fingerprints.Of(key)
	return s.client(func(e *issuancev1.CredentialIssued) {
		e.Fingerprint = print[:]
		if change != nil {
			change(e)
		}
	}), key
}

func jwkOf(t testing.TB, key any) []byte {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (s *scene) post(path string, form url.Values, headers ...string) reply {
	s.Helper()
	r, _ := http.NewRequest("POST", s.running.URL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return s.send(r)
}

func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(claims)
	signed, err := signer.Sign(raw)
	if err != nil {
		t.Fatal(err)
	}
	compact, _ := signed.CompactSerialize()
	return compact
}

// altered is a copy of members, changed as told; a nil value leaves one out.
func altered(members, change map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range []map[string]any{members, change} {
		for k, v := range m {
			if out[k] = v; v == nil {
				delete(out, k)
			}
		}
	}
	return out
}

func asserting(assertion string, more ...string) url.Values {
	f := url.Values{"grant_type": {"client_credentials"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	for i := 0; i+1 < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

func TestAClientAssertsWhoItIsOnce(t *testing.T) { // X6, D16, RFC 7523
	s := newScene(t)
	public, key, _ := ed25519.GenerateKey(nil)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, _ := rsa.GenerateKey(rand.Reader, 2048)
	_, stranger, _ := ed25519.GenerateKey(nil)
	keyed := func(public any) string {
		return s.client(func(e *issuancev1.CredentialIssued) {
			e.Kind, e.Key = "client_key", &issuancev1.KeyMaterial{Jwk: jwkOf(t, public)}
		})
	}
	client, secretClient := keyed(public), ""
	secretClient, password := s.secretClient(nil)
	good := func() map[string]any {
		return map[string]any{"iss": client, "sub": client, "aud": issuer, "jti": id(), "exp": time.Now().Add(time.Minute).Unix()}
	}
	for name, a := range map[string]string{
		"the issuer":          sign(t, jose.EdDSA, key, good()),
		"the token endpoint":  sign(t, jose.EdDSA, key, altered(good(), map[string]any{"aud": issuer + "/oauth2/token"})),
		"issued at this time": sign(t, jose.EdDSA, key, altered(good(), map[string]any{"iat": time.Now().Unix(), "nbf": time.Now().Unix()})),
	} {
		if r := s.post("/oauth2/token", asserting(a, "client_id", client)); r.status != 200 {
			t.Errorf("%s: %v", name, r.body)
		}
	}
	for _, c := range []struct {
		algorithm jose.SignatureAlgorithm
		key       any
		public    any
	}{{jose.ES256, ec, ec.Public()}, {jose.PS256, rs, rs.Public()}, {jose.RS256, rs, rs.Public()}} {
		other := keyed(c.public)
		s.want(s.post("/oauth2/token", asserting(sign(t, c.algorithm, c.key, altered(good(), map[string]any{"iss": other, "sub": other})))), 200, "")
	}
	parts := strings.Split(sign(t, jose.EdDSA, key, good()), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
	now := time.Now()
	for name, change := range map[string]map[string]any{
		"another issuer":           {"iss": id()},
		"another subject":          {"sub": id()},
		"no client":                {"iss": "nobody", "sub": "nobody"},
		"a client that is not":     {"iss": secretClient[:len(secretClient)-4] + "0000", "sub": secretClient[:len(secretClient)-4] + "0000"},
		"a client of another kind": {"iss": secretClient, "sub": secretClient},
		"another audience":         {"aud": "https://other.example"},
		"a list of audiences":      {"aud": []string{issuer}},
		"two audiences":            {"aud": []string{issuer, "https://other.example"}},
		"no audience":              {"aud": nil},
		"expired":                  {"exp": now.Add(-time.Minute).Unix()},
		"good for an hour":         {"exp": now.Add(time.Hour).Unix()},
		"good for ever":            {"exp": nil},
		"not yet":                  {"nbf": now.Add(time.Hour).Unix()},
		"of tomorrow":              {"iat": now.Add(24 * time.Hour).Unix()},
		"no id":                    {"jti": nil},
		"an endless id":            {"jti": strings.Repeat("x", 300)},
	} {
		t.Run(name, func(*testing.T) {
			s.want(s.post("/oauth2/token", asserting(sign(t, jose.EdDSA, key, altered(good(), change)))), 401, "invalid_client")
		})
	}
	critical, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, (&jose.SignerOptions{}).WithHeader("crit", []string{"x"}).WithHeader("x", 1))
	raw, _ := json.Marshal(good())
	crit, _ := critical.Sign(raw)
	compact, _ := crit.CompactSerialize()
	for name, a := range map[string]string{
		"no algorithm":             none,
		"another's key":            sign(t, jose.EdDSA, stranger, good()),
		"HMAC with the public key": sign(t, jose.HS256, []byte(public), good()),
		"another kind of key":      sign(t, jose.ES256, ec, good()),
		"an unknown crit":          compact,
		"nonsense":                 "nonsense",
		"nothing":                  "",
	} {
		t.Run(name, func(*testing.T) { s.want(s.post("/oauth2/token", asserting(a)), 401, "invalid_client") })
	}
	fresh := func() string { return sign(t, jose.EdDSA, key, good()) }
	s.want(s.post("/oauth2/token", asserting(fresh(), "client_assertion_type", "x")), 400, "invalid_request")
	s.want(s.post("/oauth2/token", asserting(fresh(), "client_id", secretClient)), 400, "invalid_request")
	s.want(s.post("/oauth2/token", asserting(fresh(), "client_secret", password)), 400, "invalid_request")
	s.want(s.form("/oauth2/token", client, password, asserting(fresh())), 400, "invalid_request")
	s.want(s.form("/oauth2/token", client, password, url.Values{"grant_type": {"client_credentials"}}), 401, "invalid_client")
	s.want(s.form("/oauth2/token", secretClient, password, url.Values{"grant_type": {"client_credentials"}}), 200, "")
}

func TestAnAssertionThatComesAgainIsNoticed(t *testing.T) { // X6, D4
	s := newScene(t)
	public, key, _ := ed25519.GenerateKey(nil)
	client := s.client(func(e *issuancev1.CredentialIssued) {
		e.Kind, e.Key = "client_key", &issuancev1.KeyMaterial{Jwk: jwkOf(t, public)}
	})
	good := func() map[string]any {
		return map[string]any{"iss": client, "sub": client, "aud": issuer, "jti": id(), "exp": time.Now().Add(time.Minute).Unix()}
	}
	fresh := func() string { return sign(t, jose.EdDSA, key, good()) }
	once := fresh()
	s.want(s.post("/oauth2/token", asserting(once)), 200, "")
	s.want(s.post("/oauth2/token", asserting(once)), 401, "invalid_client")
	s.want(s.post("/oauth2/introspect", url.Values{"token": {"x"}, "client_assertion": {once}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}), 401, "invalid_client")
	if replays := observed[*activityv1.ReplayDetected](s); len(replays) != 2 || replays[0].Kind != "client_assertion" || replays[0].ClientId != client {
		t.Fatalf("replays recorded: %v", replays)
	}

	// A successor key works beside the old one, and the old one no longer once it is retired: its use is recorded as that.
	_, next, _ := ed25519.GenerateKey(nil)
	s.suite.Append("issuance", "credential", client, &issuancev1.CredentialRotationStarted{Generation: 2, PreviousGeneration: 1, ExpiresAt: in(24 * time.Hour),
		OverlapEndsAt: in(time.Hour), Key: &issuancev1.KeyMaterial{Jwk: jwkOf(t, next.Public())}})
	s.want(s.post("/oauth2/token", asserting(fresh())), 200, "")
	s.want(s.post("/oauth2/token", asserting(sign(t, jose.EdDSA, next, good()))), 200, "")
	s.suite.Append("issuance", "credential", client, &issuancev1.CredentialRetired{Generation: 1, Reason: "unused"})
	s.want(s.post("/oauth2/token", asserting(fresh())), 401, "invalid_client")
	s.want(s.post("/oauth2/token", asserting(sign(t, jose.EdDSA, next, good()))), 200, "")
	s.rejectedFor(client, "retired")
}

// rejectedFor waits for the record that a client was refused for a reason.
func (s *scene) rejectedFor(client, reason string) {
	s.Helper()
	s.eventually("a refusal of "+client+" for "+reason, func() bool {
		for _, f := range observed[*activityv1.TokenRejected](s) {
			if f.ClientId == client && f.Reason == reason {
				return true
			}
		}
		return false
	})
}

func TestARetiredSecretIsToldFromAnUnknownOneInTheRecordAlone(t *testing.T) { // D4, trap: use of a rotated secret is a signal
	s := newScene(t)
	client, password := s.secretClient(nil)
	next := secret.NewKey(secret.Test).Reveal()
	print := s.running.Deps.Fingerprints.Of(next)
	s.suite.Append("issuance", "credential", client,
		&issuancev1.CredentialRotationStarted{Generation: 2, PreviousGeneration: 1, ExpiresAt: in(24 * time.Hour), OverlapEndsAt: in(time.Hour), Fingerprint: print[:]},
		&issuancev1.CredentialRetired{Generation: 1, Reason: "requested"})
	ask := url.Values{"grant_type": {"client_credentials"}}
	retired := s.want(s.form("/oauth2/token", client, password, ask), 401, "invalid_client")
	unknown := s.want(s.form("/oauth2/token", client, secret.NewKey(secret.Test).Reveal(), ask), 401, "invalid_client")
	nobody := s.want(s.form("/oauth2/token", id(), password, ask), 401, "invalid_client")
	for _, other := range []reply{unknown, nobody} {
		if other.body["error_description"] != retired.body["error_description"] || other.header.Get("WWW-Authenticate") != retired.header.Get("WWW-Authenticate") {
			t.Fatalf("%v differs from %v", other.body, retired.body)
		}
	}
	s.rejectedFor(client, "retired")
	s.suite.Append("issuance", "credential", client, &issuancev1.CredentialRevoked{Reason: "policy"})
	s.want(s.form("/oauth2/token", client, next, ask), 401, "invalid_client")
	s.rejectedFor(client, "revoked")
	told := map[string]uint64{}
	for _, f := range observed[*activityv1.RetiredCredentialUsed](s) {
		if f.CredentialId == client {
			told[f.State] += f.Count
		}
	}
	if told["retired"] != 1 || told["revoked"] != 1 || len(told) != 2 {
		t.Errorf("the alarm tells of %v", told)
	}
}

func certificate(t testing.TB, from, until time.Time) *x509.Certificate {
	t.Helper()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "client"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// header9440 is a certificate as a proxy names it.
func header9440(c *x509.Certificate) string {
	return ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":"
}

func TestACertificateIsBelievedFromAProxyThatVouchesForIt(t *testing.T) { // D5, X6, RFC 8705, RFC 9440
	s := newSceneWith(t, map[string]string{"CHANCERY_CLIENT_CERT_PROXIES": "127.0.0.0/8,::1/128", "CHANCERY_MTLS_URL": "https://mtls.example"})
	good, other := certificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)), certificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	over := certificate(t, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	certified := func(c *x509.Certificate, bound bool) string {
		sum := sha256.Sum256(c.Raw)
		return s.client(func(e *issuancev1.CredentialIssued) {
			e.Kind, e.Key, e.BoundTokens = "client_certificate", &issuancev1.KeyMaterial{CertificateSha256: sum[:]}, bound
		})
	}
	client, bound, late := certified(good, false), certified(good, true), certified(over, false)
	ask := func(client string) url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {client}}
	}
	if r := s.want(s.post("/oauth2/token", ask(client), "Client-Cert", header9440(good)), 200, ""); r.body["token_type"] != "Bearer" {
		t.Fatalf("%v", r.body)
	}
	r := s.want(s.post("/oauth2/token", ask(bound), "Client-Cert", header9440(good)), 200, "")
	sum := sha256.Sum256(good.Raw)
	claims := s.claims(r.body["access_token"].(string))
	if claims.Confirmation == nil || claims.Confirmation.X5T != base64.RawURLEncoding.EncodeToString(sum[:]) || claims.Confirmation.JKT != "" {
		t.Fatalf("bound to %+v", claims.Confirmation)
	}
	shown := s.want(s.post("/oauth2/introspect", url.Values{"token": {r.body["access_token"].(string)}, "client_id": {client}}, "Client-Cert", header9440(good)), 200, "")
	if cnf, _ := shown.body["cnf"].(map[string]any); cnf["x5t#S256"] != claims.Confirmation.X5T || shown.body["token_type"] != "Bearer" {
		t.Fatalf("introspection says %v", shown.body)
	}
	for name, headers := range map[string][]string{
		"none":           {},
		"another":        {"Client-Cert", header9440(other)},
		"two":            {"Client-Cert", header9440(good), "Client-Cert", header9440(good)},
		"no bytes":       {"Client-Cert", base64.StdEncoding.EncodeToString(good.Raw)},
		"no certificate": {"Client-Cert", ":AAAA:"},
		"another header": {"X-Client-Cert", header9440(good)},
	} {
		t.Run(name, func(*testing.T) { s.want(s.post("/oauth2/token", ask(client), headers...), 401, "invalid_client") })
	}
	s.want(s.post("/oauth2/token", ask(late), "Client-Cert", header9440(over)), 401, "invalid_client")
	s.want(s.post("/oauth2/token", ask(id()), "Client-Cert", header9440(good)), 401, "invalid_client")
	// With a secret the certificate is no second way in, and binds what is to be bound.
	secretBound, password := s.secretClient(func(e *issuancev1.CredentialIssued) { e.BoundTokens = true })
	s.want(s.form("/oauth2/token", secretBound, password, ask(secretBound)), 400, "invalid_dpop_proof")
	if c := s.claims(s.want(s.form("/oauth2/token", secretBound, password, ask(secretBound), "Client-Cert", header9440(good)), 200, "").body["access_token"].(string)); c.Confirmation == nil || c.Confirmation.X5T != claims.Confirmation.X5T {
		t.Fatalf("bound to %+v", c.Confirmation)
	}
	s.want(s.post("/oauth2/token", ask(secretBound), "Client-Cert", header9440(good)), 401, "invalid_client")
	metadata := s.call(nil, "GET", "/.well-known/oauth-authorization-server", nil)
	if aliases, _ := metadata.body["mtls_endpoint_aliases"].(map[string]any); aliases["token_endpoint"] != "https://mtls.example/oauth2/token" {
		t.Fatalf("metadata: %v", metadata.body)
	}
}

func TestACertificateHeaderOfAnybodyElseIsIgnored(t *testing.T) { // D5, D16
	s := newScene(t)
	c := certificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	sum := sha256.Sum256(c.Raw)
	client := s.client(func(e *issuancev1.CredentialIssued) {
		e.Kind, e.Key = "client_certificate", &issuancev1.KeyMaterial{CertificateSha256: sum[:]}
	})
	s.want(s.post("/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {client}}, "Client-Cert", header9440(c)), 401, "invalid_client")
}

// claims are those of a token the suite signed.
func (s *scene) claims(compact string) accesstoken.Claims {
	s.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
	var c accesstoken.Claims
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// observed are the observations of one type so far.
func observed[T proto.Message](s *scene) (found []T) {
	s.Helper()
	marker := id()
	ctx := eventlog.WithMeta(s.Context(), eventlog.Meta{Actor: &eventv1.Actor{Id: "test", Kind: "service"}})
	log := s.suite.Log("issuance")
	err := log.Observe(ctx, "token", &activityv1.TokenIssued{TokenId: marker})
	if err == nil {
		err = log.FollowActivity(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
			for _, r := range batch {
				for _, fact := range r.Facts {
					if last, ok := fact.(*activityv1.TokenIssued); ok && last.TokenId == marker {
						return eventlog.ErrStop
					}
					if f, ok := fact.(T); ok {
						found = append(found, f)
					}
				}
			}
			return nil
		})
	}
	if err != nil {
		s.Fatal(err)
	}
	return found
}

// kid is the key a token was signed with.
func (s *scene) kid(compact string) string {
	s.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[0])
	var header struct {
		KeyID string `json:"kid"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &header)
	}
	if err != nil {
		s.Fatal(err)
	}
	return header.KeyID
}
