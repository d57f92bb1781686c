package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway"
)

// D9, G10, L2: what the log says when the gateway starts counts for the first call, what it says later for the next.
func TestARevokedCredentialIsRefusedAtOnce(t *testing.T) {
	r := start(t)
	id, key := r.Issue("api_key", "accounts:read")
	r.applied(t)
	good := r.door(t, "/verify", key)
	if good.status != 204 {
		t.Fatalf("%d %v", good.status, good.header)
	}
	if c := r.told(t, good.header); c.Client != id || c.Subject != id || c.Scope != "accounts:read" || c.Application != r.Application || c.Actor != nil ||
		c.Organization != r.Organization || c.Environment != "sandbox" || c.Decision != good.header.Get("Chancery-Decision") {
		t.Fatalf("%+v", c)
	}
	r.Append("issuance", "credential", id, &issuancev1.CredentialRevoked{Reason: "suspected_leak"})
	r.applied(t)
	revoked := r.door(t, "/verify", key)
	if revoked.status != 401 {
		t.Fatalf("%d %s", revoked.status, revoked.body)
	}
	// A second one starts after the revocation.
	c := r.suite.Config("gateway", false)
	again := r.suite.Start("gateway", c, gateway.New)
	if a := get(t, again.URL+"/verify", "Authorization", "Bearer "+key, "X-Original-Method", "GET", "X-Original-URI", "/ledger/v1/accounts"); a.status != 401 {
		t.Fatalf("after a restart: %d", a.status)
	}
}

func TestWhateverIsWrongWithACredentialTheAnswerIsTheSame(t *testing.T) {
	r := start(t)
	revoked, revokedKey := r.Issue("api_key", "accounts:read")
	r.Append("issuance", "credential", revoked, &issuancev1.CredentialRevoked{})
	expired, expiredKey := r.Issue("api_key", "accounts:read")
	r.Append("issuance", "credential", expired, &issuancev1.CredentialExpired{})
	retired, retiredKey := r.Issue("api_key", "accounts:read")
	r.Rotate(retired, time.Hour)
	r.Append("issuance", "credential", retired, &issuancev1.CredentialRetired{Generation: 1})
	r.applied(t)
	unknown := r.door(t, "/verify", secret.NewKey(secret.Test).Reveal())
	if unknown.status != 401 || unknown.header.Get("WWW-Authenticate") == "" || unknown.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %v %s", unknown.status, unknown.header, unknown.body)
	}
	unknown.header.Del("Date")
	alike(t, unknown.header)
	for name, key := range map[string]string{"revoked": revokedKey, "expired": expiredKey, "retired": retiredKey, "garbage": "chy_live_x", "token": "a.b.c"} {
		other := r.door(t, "/verify", key)
		other.header.Del("Date")
		alike(t, other.header)
		if other.status != unknown.status || other.body != unknown.body || len(other.header) != len(unknown.header) {
			t.Errorf("%s: %d %v %s", name, other.status, other.header, other.body)
		}
		for h := range unknown.header {
			if other.header.Get(h) != unknown.header.Get(h) {
				t.Errorf("%s: %s %q", name, h, other.header.Get(h))
			}
		}
	}
}

// alike leaves of a decision id what somebody outside sees of it: how long it is.
func alike(t *testing.T, h http.Header) {
	id := h.Get("Chancery-Decision")
	if id == "" {
		t.Error("an answer without a decision id")
	}
	h.Set("Chancery-Decision", strconv.Itoa(len(id)))
}

func TestEachDoorReadsItsOwnProxysHeaders(t *testing.T) {
	r := start(t)
	_, key := r.Issue("api_key", "accounts:read")
	r.applied(t)
	good, bad := "/ledger/v1/accounts", "/ledger/v1/payments"
	for name, c := range map[string]struct {
		door   string
		header []string
		want   int
	}{
		"nginx":                            {"/nginx/sandbox", []string{"X-Original-Method", "GET", "X-Original-URI", good}, 204},
		"nginx, another environment":       {"/nginx/production", []string{"X-Original-Method", "GET", "X-Original-URI", good}, 403},
		"nginx, the client's own headers":  {"/nginx/sandbox", []string{"X-Original-Method", "POST", "X-Original-URI", bad, "X-Forwarded-Method", "GET", "X-Forwarded-Uri", good}, 403},
		"nginx, only the client's headers": {"/nginx/sandbox", []string{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", good}, 403},
		"nginx, twice":                     {"/nginx/sandbox", []string{"X-Original-Method", "GET", "X-Original-URI", good, "X-Original-URI", bad}, 403},
		"caddy":                            {"/caddy/sandbox", []string{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", good}, 204},
		"caddy, the client's own headers":  {"/caddy/sandbox", []string{"X-Forwarded-Method", "POST", "X-Forwarded-Uri", bad, "X-Original-Method", "GET", "X-Original-URI", good}, 403},
		"traefik":                          {"/traefik/sandbox", []string{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", good}, 204},
		"a method in a header":             {"/nginx/sandbox", []string{"X-Original-Method", "GET", "X-Original-URI", good, "X-HTTP-Method-Override", "DELETE"}, 403},
		"no such door":                     {"/apisix/sandbox", []string{"X-Original-Method", "GET", "X-Original-URI", good}, 404},
	} {
		if a := get(t, r.at.URL+c.door, append(c.header, "Authorization", "Bearer "+key)...); a.status != c.want {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	missing := get(t, r.at.URL+"/verify", "X-API-Key", key, "X-Original-Method", "POST", "X-Original-URI", bad)
	if missing.status != 403 || !strings.Contains(missing.body, `"code":"scope_missing"`) || !strings.Contains(missing.body, "needs payments:write") ||
		!strings.Contains(missing.header.Get("WWW-Authenticate"), `error="insufficient_scope", scope="payments:write"`) {
		t.Errorf("%d %v %s", missing.status, missing.header, missing.body)
	}
}

func TestADeprecatedVersionSaysSo(t *testing.T) { // B24
	r := start(t)
	_, key := r.Issue("api_key", "accounts:read")
	sunset := time.Now().Add(90 * 24 * time.Hour).Truncate(time.Second)
	r.Append("registry", "version", r.Version, &registryv1.VersionDeprecated{SunsetAt: timestamppb.New(sunset)})
	r.applied(t)
	a := r.door(t, "/verify", key)
	if a.status != 204 || !strings.HasPrefix(a.header.Get("Deprecation"), "@") || a.header.Get("Sunset") != sunset.UTC().Format(http.TimeFormat) {
		t.Fatalf("%d %v", a.status, a.header)
	}
}

func TestNoServiceIsHeardOnWhatIsAnothers(t *testing.T) { // X1
	r := start(t)
	_, key := r.Issue("api_key", "accounts:read")
	made := secret.NewKey(secret.Test)
	sum := r.keys.Of(made.Reveal())
	r.forge(t, "registry", "credential", uuid.NewString(), &issuancev1.CredentialIssued{
		Kind: "api_key", GrantId: r.Grant, RequestId: r.Request, ApplicationId: r.Application, OrganizationId: r.Organization, ProductId: r.Product,
		Scopes: []string{"accounts:read"}, Environment: "sandbox", Generation: 1, Fingerprint: sum[:], ExpiresAt: timestamppb.New(time.Now().Add(time.Hour)),
	})
	r.forge(t, "registry", "grant", r.Grant, &approvalv1.GrantRevoked{})
	r.applied(t)
	if a := r.door(t, "/verify", made.Reveal()); a.status != 401 {
		t.Errorf("a credential registry made up: %d", a.status)
	}
	if a := r.door(t, "/verify", key); a.status != 204 {
		t.Errorf("a grant registry ended: %d %s", a.status, a.body)
	}
}

func TestDenialsAndUseAreWrittenDownAsWindows(t *testing.T) { // G1, trap: usage is no event of an aggregate
	r := start(t)
	id, key := r.Issue("api_key", "accounts:read")
	r.applied(t)
	for range 30 {
		r.door(t, "/verify", key)
	}
	get(t, r.at.URL+"/verify", "X-API-Key", key, "X-Original-Method", "POST", "X-Original-URI", "/ledger/v1/payments")
	r.door(t, "/verify", secret.NewKey(secret.Test).Reveal(), "X-Original-Address", "203.0.113.77")
	denials, envelopes := observed[*activityv1.AccessDenied](t, r, 2)
	for i, d := range denials {
		switch d.Reason {
		case "scope_missing":
			if d.CredentialId != id || d.ApplicationId != r.Application || d.OperationId != "pay" || d.Scope != "payments:write" || d.Count != 1 || envelopes[i].Organization != r.Organization ||
				envelopes[i].Subject.Id != id || envelopes[i].Seen == 0 {
				t.Errorf("%v %v", d, envelopes[i])
			}
		case "unknown":
			if d.Network != "203.0.113.0/24" || d.CredentialId != "" || envelopes[i].Organization != "" {
				t.Errorf("%v %v", d, envelopes[i])
			}
		default:
			t.Errorf("%v", d)
		}
	}
	for range 50 {
		r.door(t, "/verify", secret.NewKey(secret.Test).Reveal(), "X-Original-Address", "203.0.113.77")
	}
	if err := r.at.Stop(); err != nil {
		t.Fatal(err)
	}
	denials, _ = observed[*activityv1.AccessDenied](t, r, 3)
	if last := denials[2]; len(denials) != 3 || last.Count != 50 || last.Reason != "unknown" {
		t.Errorf("%v", denials)
	}
	use, _ := observed[*activityv1.UsageWindow](t, r, 1)
	if u := use[0]; u.CredentialId != id || u.Count != 30 || u.CallsByScope["accounts:read"] != 30 || u.Generation != 1 || u.ProductId != r.Product {
		t.Errorf("%v", u)
	}
}

func TestAnAuthorizerSaysHowFarItIs(t *testing.T) { // L1
	r := start(t)
	id, _ := r.Issue("api_key", "accounts:read")
	at := r.Append("issuance", "credential", id, &issuancev1.CredentialRevoked{})
	ctx, cancel := context.WithTimeout(t.Context(), servicetest.Patience)
	defer cancel()
	err := r.at.Deps.Pulse.Watch(ctx, func(b eventlog.Beat) error {
		var a eventv1.Applied
		if b.Service != "gateway" || proto.Unmarshal(b.Body, &a) != nil || a.Authorizer != b.Node || a.Position < at {
			return nil
		}
		return eventlog.ErrStop
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheLibraryJudgesAlike(t *testing.T) { // X4
	r := start(t)
	_, key := r.Issue("api_key", "accounts:read")
	revoked, revokedKey := r.Issue("api_key", "accounts:read")
	r.Append("issuance", "credential", revoked, &issuancev1.CredentialRevoked{})
	r.applied(t)
	l, err := gateway.Open(t.Context(), gateway.Options{Log: r.suite.Log("gateway"), NATS: r.suite.Connect("gateway"), Fingerprints: r.keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	upstream := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Authorization")+q.Header.Get("X-Api-Key") != "" || len(q.Header.Values("Chancery-Context")) != 1 {
			t.Errorf("the upstream was shown %v", q.Header)
		}
		c := r.told(t, q.Header)
		c.Decision, c.IssuedAt, c.Expires = "", 0, 0
		_, _ = fmt.Fprintf(w, "%+v", c)
	})
	server := httptest.NewServer(l.Guard("sandbox", upstream))
	t.Cleanup(server.Close)
	for _, k := range []string{key, revokedKey, secret.NewKey(secret.Test).Reveal(), ""} {
		for _, call := range []string{"GET /ledger/v1/accounts", "POST /ledger/v1/payments", "GET /ledger/v1/nothing", "GET /ledger/v1//accounts"} {
			method, target, _ := strings.Cut(call, " ")
			door := get(t, r.at.URL+"/verify", "Authorization", "Bearer "+k, "X-Original-Method", method, "X-Original-URI", target)
			direct := do(t, method, server.URL+target, "Authorization", "Bearer "+k, "Chancery-Context", "forged")
			if door.status == 204 {
				c := r.told(t, door.header)
				c.Decision, c.IssuedAt, c.Expires = "", 0, 0
				door.status, door.body = 200, fmt.Sprintf("%+v", c)
			}
			if door.status != direct.status || door.body != direct.body {
				t.Errorf("%s: %d %q and %d %q", call, door.status, door.body, direct.status, direct.body)
			}
		}
	}
}
