package endpoint_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/endpoint/endpointtest"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
)

func decode[T any](t testing.TB, r reply) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

func code(t testing.TB, r reply) string {
	t.Helper()
	if r.header.Get("Content-Type") != problem.ContentType {
		t.Fatalf("no problem document: %d %s", r.status, r.body)
	}
	return decode[problem.Problem](t, r).Code
}

func (w *world) create(name string) string {
	w.t.Helper()
	r := w.do(&w.ann, "POST", "/v1/notes", `{"name":"`+name+`"}`)
	if r.status != http.StatusCreated {
		w.t.Fatalf("%d %s", r.status, r.body)
	}
	return decode[endpoint.Receipt](w.t, r).ID
}

// A16 H4
func TestEveryOperationOfTheMatrixIsGuarded(t *testing.T) {
	w := newWorld(t, nil, nil)
	id := w.create("one")
	n := endpointtest.Matrix{
		URL: w.url, Service: "notes", Portal: w.portal, Stranger: w.portal.Fresh("org-2"),
		Object: func(string, string) string { return id },
	}.Run(t)
	if n < 30 {
		t.Fatalf("only %d requests", n)
	}
}

func TestACallerIsAskedForInThisOrderKindRoleObjectFreshness(t *testing.T) {
	w := newWorld(t, nil, nil)
	id := w.create("one")
	stranger, viewer, stale, single := w.portal.Fresh("org-2", principal.OrgAdmin), w.ann, w.ann, w.ann
	viewer.Roles = []string{principal.Viewer}
	stale.AuthTime = w.clock.now().Add(-endpoint.DefaultStepUpAge)
	single.AMR = []string{"pwd"}
	client := principal.Principal{ID: "client", Kind: principal.Client, Organization: "org-1", Roles: []string{principal.OrgAdmin}}
	for name, c := range map[string]struct {
		who    *principal.Principal
		status int
		code   string
	}{
		"nobody":                     {nil, 401, "unauthenticated"},
		"machine":                    {&client, 403, "wrong_kind"},
		"role missing":               {&viewer, 403, "role_missing"},
		"foreign":                    {&stranger, 404, "not_found"},
		"second factor too long ago": {&stale, 403, "step_up_required"},
		"no second factor":           {&single, 403, "step_up_required"},
	} {
		r := w.do(c.who, "POST", "/v1/notes/"+id+"/erase", "")
		if r.status != c.status || code(t, r) != c.code {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if r := w.do(&stale, "POST", "/v1/notes/"+id+"/erase", ""); !strings.Contains(r.header.Get("WWW-Authenticate"), `error="insufficient_user_authentication", max_age=300`) {
		t.Errorf("RFC 9470 challenge: %v", r.header)
	}
	if r := w.do(nil, "POST", "/v1/notes/"+id+"/erase", ""); r.header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("RFC 6750 challenge: %v", r.header)
	}
	w.clock.advance(4 * time.Minute)
	if r := w.do(&w.ann, "POST", "/v1/notes/"+id+"/erase", ""); r.status != 200 || r.header.Get(endpoint.PositionHeader) != "2" {
		t.Errorf("with everything: %d %s", r.status, r.body)
	}
}

func TestBadTokensAreNoSessionAndTheReasonIsForTheLogAlone(t *testing.T) {
	w := newWorld(t, nil, nil)
	other := w.portal.Token("identity", w.ann)
	for name, header := range map[string]string{
		"other audience": "Bearer " + other, "garbage": "Bearer x", "basic": "Basic YTpi", "empty": "Bearer ", "no scheme": other,
	} {
		r := w.do(nil, "GET", "/v1/notes", "", "Authorization", header)
		if r.status != 401 || code(t, r) != "unauthenticated" || strings.Contains(r.body, "audience") {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if !strings.Contains(w.log.String(), "made for another audience") || strings.Contains(w.log.String(), other) {
		t.Errorf("log: %s", w.log)
	}
	token := "Bearer " + w.portal.Token("notes", w.ann)
	if r := w.do(nil, "GET", "/v1/notes", "", "Authorization", token, "Authorization", token); r.status != 400 || code(t, r) != "authorization_repeated" {
		t.Errorf("two Authorization headers: %d %s", r.status, r.body)
	}
}

func TestASessionThatEndedIsNoSession(t *testing.T) {
	ended := false
	w := newWorld(t, func(o *endpoint.Options) {
		o.Live = func(context.Context, principal.Principal) error {
			if ended {
				return context.Canceled
			}
			return nil
		}
	}, nil)
	if r := w.do(&w.ann, "GET", "/v1/notes", ""); r.status != 200 {
		t.Fatal(r.status)
	}
	ended = true
	if r := w.do(&w.ann, "GET", "/v1/notes", ""); r.status != 401 {
		t.Fatal(r.status)
	}
}

func TestAnObjectThatCannotBeLoadedIsAFailureNotARefusal(t *testing.T) {
	w := newWorld(t, nil, func(e *endpoint.API) {
		endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/broken/{id}", Object: func(context.Context, principal.Principal, string) error {
			return context.Canceled
		}}, func(context.Context, byID) (endpoint.Answer[endpoint.Receipt], error) { panic("unreached") })
	})
	if r := w.do(&w.ann, "GET", "/v1/broken/1", ""); r.status != 500 || code(t, r) != "internal" {
		t.Fatalf("%d %s", r.status, r.body)
	}
}
