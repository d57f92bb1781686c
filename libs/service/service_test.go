package service_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/endpoint/endpointtest"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

func TestACommandIsRecordedWithItsOriginAndReadBack(t *testing.T) {
	s := servicetest.New(t, nil)
	ann := person(s, "", principal.AppOwner)
	s.Token("registry", ann)
	registry := s.Start("registry", s.Config("registry", true), toy)

	made := call(t, s, registry, &ann, "POST", "/v1/applications", `{"name":"Ledger Sync"}`, "User-Agent", "test/1", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	receipt := made.receipt(t)
	if made.header.Get(endpoint.PositionHeader) != strconv.FormatUint(receipt.Position, 10) {
		t.Fatalf("position header %q of %+v", made.header.Get(endpoint.PositionHeader), receipt)
	}
	list := call(t, s, registry, &ann, "GET", "/v1/applications", "", endpoint.PositionHeader, made.header.Get(endpoint.PositionHeader))
	if list.status != 200 || !strings.Contains(list.body, receipt.ID) || !strings.Contains(list.body, "Ledger Sync") {
		t.Fatalf("%d %s", list.status, list.body)
	}
	if at, _ := strconv.ParseUint(list.header.Get(endpoint.PositionHeader), 10, 64); at < receipt.Position {
		t.Fatalf("the list includes %d, the command stands at %d", at, receipt.Position)
	}

	stored, err := s.Log("registry").Get(t.Context(), receipt.Position)
	if err != nil {
		t.Fatal(err)
	}
	e := stored.Envelope
	if e.GetActor().GetId() != ann.ID || e.GetActor().GetKind() != "person" || e.GetActor().GetSession() != ann.Session ||
		e.GetOrganization() != ann.Organization || e.GetSource().GetRequestId() != made.header.Get("X-Request-Id") ||
		e.GetCorrelationId() != "0af7651916cd43dd8448eb211c80319c" || e.GetAssurance().GetAmr()[0] != "mfa" || e.GetSeen() < ann.Seen {
		t.Fatalf("envelope %v", e)
	}
	if e.GetSource().GetIp() != "" || e.GetSource().GetUserAgent() != "" || len(e.GetSealed()) == 0 {
		t.Fatalf("address and agent are to be sealed: %v", e)
	}
}

func TestARepeatedIdempotencyKeyDoesNotDoItAgain(t *testing.T) {
	s := servicetest.New(t, nil)
	ann := person(s, "", principal.AppOwner)
	bob := person(s, ann.Organization, principal.AppOwner)
	s.Token("registry", ann)
	registry := s.Start("registry", s.Config("registry", true), toy)
	post := func(who principal.Principal, key string) endpoint.Receipt {
		t.Helper()
		return call(t, s, registry, &who, "POST", "/v1/applications", `{"name":"One"}`, endpoint.IdempotencyHeader, key).receipt(t)
	}
	first, again := post(ann, "key-1"), post(ann, "key-1")
	if again.ID != first.ID || again.Position != first.Position || !again.Repeated || first.Repeated {
		t.Fatalf("first %+v, again %+v", first, again)
	}
	for name, other := range map[string]endpoint.Receipt{"another key": post(ann, "key-2"), "another caller": post(bob, "key-1")} {
		if other.ID == first.ID || other.Repeated {
			t.Errorf("%s: %+v", name, other)
		}
	}
}

// A5 A17
func TestAnEndedSessionIsRefusedByEveryServiceAtOnce(t *testing.T) {
	s := servicetest.New(t, nil)
	ann := person(s, "", principal.AppOwner)
	s.Token("registry", ann)
	registry := s.Start("registry", s.Config("registry", true), toy)
	if r := call(t, s, registry, &ann, "GET", "/v1/applications", ""); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	at := s.Append("identity", "person", ann.ID, &identityv1.PersonSessionsEnded{Reason: "administrator"})
	if err := registry.Deps.Lineage.WaitFor(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if r := call(t, s, registry, &ann, "GET", "/v1/applications", ""); r.status != 401 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	again := ann
	again.Session, again.SessionSeen, again.Seen = "another", at, at
	if r := call(t, s, registry, &again, "GET", "/v1/applications", ""); r.status != 200 {
		t.Fatalf("a new sign-in: %d %s", r.status, r.body)
	}
	ahead := again
	ahead.Seen = at + 1000
	if r := call(t, s, registry, &ahead, "GET", "/v1/applications", ""); r.status != 503 || r.code() != "view_behind" || r.header.Get("Retry-After") != "1" {
		t.Fatalf("a token that saw more than this instance: %d %s", r.status, r.body)
	}
	if r := call(t, s, registry, &again, "GET", "/v1/applications", "", endpoint.PositionHeader, strconv.FormatUint(at+1000, 10)); r.status != 503 || r.code() != "view_behind" {
		t.Fatalf("a position not yet there: %d %s", r.status, r.body)
	}
}

func TestTheAdminPortTellsOfHealthAndTheApiPortDoesNot(t *testing.T) {
	s := servicetest.New(t, nil)
	ann := person(s, "", principal.AppOwner)
	s.Token("registry", ann)
	registry := s.Start("registry", s.Config("registry", true), toy)
	call(t, s, registry, &ann, "GET", "/v1/applications", "")
	for path, want := range map[string]string{
		"/healthz": `"ok":true`, "/readyz": `"views":{"ok":true,"position":`, "/version": `"service":"registry"`,
		"/metrics": "http_server_request_duration_seconds", "/debug/pprof/": "goroutine",
	} {
		r, _ := http.NewRequest("GET", registry.AdminURL+path, nil)
		if got := send(t, r); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %.300s", path, got.status, got.body)
		}
		if got := call(t, s, registry, nil, "GET", path, ""); got.status != 404 {
			t.Errorf("%s on the API port: %d", path, got.status)
		}
	}
}

// A16 H4
func TestTheMatrixHoldsForAServiceThatRunsWhole(t *testing.T) {
	s := servicetest.New(t, nil)
	stranger := person(s, "")
	s.Token("registry", stranger)
	registry := s.Start("registry", s.Config("registry", true), toy)
	if n := (endpointtest.Matrix{URL: registry.URL, Service: "registry", Portal: s, Stranger: stranger}).Run(t); n < 10 {
		t.Errorf("only %d requests", n)
	}
}
