package portal_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/libs/principal"
)

const own = "/api/identity/v1/me"

func reason(s string) map[string]any { return map[string]any{"reason": s} }

func TestALockCutsEverySessionAtOnce(t *testing.T) { // A5, A17
	s := newScene(t)
	for _, end := range []string{"lock", "end-sessions", "deprovision"} {
		one, two := s.signIn(noor), s.signIn(noor)
		id := one.me().Person.ID
		s.admin.want(200, "", "POST", "/api/identity/v1/people/"+id+"/"+end, reason("test of "+end))
		one.want(401, "unauthenticated", "GET", own, nil)
		two.want(401, "unauthenticated", "GET", own, nil)
		if end == "lock" {
			s.admin.want(200, "", "POST", "/api/identity/v1/people/"+id+"/unlock", reason("found"))
			one.want(401, "unauthenticated", "GET", own, nil) // unlocking gives back no session
		}
	}
}

func TestALeaverKeepsNoRole(t *testing.T) { // A5
	s := newScene(t)
	id := s.signIn(lucia).me().Person.ID
	s.admin.want(200, "", "POST", "/api/identity/v1/people/"+id+"/deprovision", reason("left"))
	for {
		r := s.admin.want(200, "", "GET", "/api/identity/v1/people/"+id, nil)
		if strings.Contains(r.body, `"roles":[]`) && strings.Contains(r.body, `"state":"deprovisioned"`) {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal(r.body)
		}
	}
}

func TestOneSessionIsEndedFromAnother(t *testing.T) { // A17
	s := newScene(t)
	here, there := s.signIn(noor), s.signIn(noor)
	list := here.want(200, "", "GET", "/api/identity/v1/sessions", nil)
	id := there.me().Session.ID
	if strings.Count(list.body, `"id":`) != 2 || !strings.Contains(list.body, id) || strings.Count(list.body, `"current":true`) != 1 {
		t.Fatal(list.body)
	}
	for _, stranger := range []*visitor{s.signIn(kenji), s.signIn(vera)} { // A16
		stranger.want(404, "not_found", "POST", "/api/identity/v1/sessions/"+id+"/end", map[string]any{})
	}
	here.want(200, "", "POST", "/api/identity/v1/sessions/"+id+"/end", map[string]any{})
	there.want(401, "unauthenticated", "GET", own, nil)
	if r := here.want(200, "", "GET", "/api/identity/v1/sessions", nil); strings.Contains(r.body, id) {
		t.Fatal(r.body)
	}
	s.signIn(lucia).want(200, "", "POST", "/api/identity/v1/sessions/"+here.me().Session.ID+"/end", map[string]any{})
	here.want(401, "unauthenticated", "GET", own, nil)
}

func TestSigningOutEndsTheSessionEverywhere(t *testing.T) {
	s := newScene(t)
	v := s.signIn(noor)
	cookie := v.cookie()
	r := v.send("POST", "/auth/sign-out", nil)
	if r.at != "/auth/signed-out" || v.cookie() != "" || !strings.Contains(r.body, "signed out") {
		t.Fatalf("%s %s", r.at, r.body)
	}
	v.want(401, "unauthenticated", "GET", own, nil, "Cookie", "chancery_session="+cookie)
	if r := v.send("POST", "/auth/sign-out", nil); r.at != "/auth/signed-out" {
		t.Fatalf("again: %s %d", r.at, r.status)
	}
	if r := v.send("GET", "/auth/sign-out", nil); r.status != 405 {
		t.Fatalf("a link signs out: %d", r.status)
	}
}

func TestAStepUpIsAskedForAndGiven(t *testing.T) { // A2
	s := newScene(t)
	v := s.signIn(lucia)
	person := s.signIn(vera).me().Person.ID
	role := map[string]any{"person_id": person, "role": "app_owner"}
	at := "/api/identity/v1/organizations/" + s.northwind + "/roles"
	r := v.want(401, "step_up_required", "POST", at, role)
	if r.text("step_up_url") != "/auth/step-up" || !strings.Contains(r.header.Get("WWW-Authenticate"), "insufficient_user_authentication") {
		t.Fatalf("%s %v", r.body, r.header)
	}
	session := v.me().Session.ID
	v.stepUp()
	m := v.me()
	if m.Session.ID != session || m.Session.FreshUntil == nil || m.Session.ACR == "" {
		t.Fatalf("%+v", m)
	}
	v.want(200, "", "POST", at, role)
	v.want(200, "", "POST", at+"/revoke", map[string]any{"person_id": person, "role": "app_owner", "reason": "mistaken"})
	v.want(409, "last_administrator", "POST", at+"/revoke", map[string]any{"person_id": m.Person.ID, "role": "org_admin", "reason": "mistaken"})
}

func TestOnlyTheSamePersonConfirms(t *testing.T) { // A2
	s := newScene(t)
	v := s.signIn(noor)
	cookie, jar := v.cookie(), v.http.Jar
	v.http.Jar, _ = cookiejar.New(nil) // signed out at the provider alone
	u, _ := url.Parse(s.public)
	v.http.Jar.SetCookies(u, []*http.Cookie{{Name: "chancery_session", Value: cookie, Path: "/"}})
	v.email = lucia
	if r := v.walk("/auth/step-up?return_to=/done"); r.status != 403 || !strings.Contains(r.body, "another account") {
		t.Fatalf("%s %d %s", r.at, r.status, r.body)
	}
	v.http.Jar = jar
	if m := v.me(); m.Person.Email != noor || m.Session.FreshUntil != nil {
		t.Fatalf("%+v", m)
	}
	w := s.signIn(vera)
	if r := w.walk("/auth/step-up?return_to=/done"); r.at == "/done" || !strings.Contains(r.body, "no second factor") {
		t.Fatalf("%s %d", r.at, r.status)
	}
	if r := s.visitor(noor).send("GET", "/auth/step-up?return_to=/x", nil); r.at != "/auth/sign-in" {
		t.Fatalf("without a session: %s", r.at)
	}
	// A session that ended meanwhile is not confirmed.
	late := s.signIn(kenji)
	id := late.me().Person.ID
	s.admin.want(200, "", "POST", "/api/identity/v1/people/"+id+"/end-sessions", reason("test"))
	if r := late.walk("/auth/step-up?return_to=/done"); r.at == "/done" {
		t.Fatal("a session that ended was confirmed")
	}
}

func TestAPageOfAnotherOriginDoesNothing(t *testing.T) { // H1: CSRF
	s := newScene(t)
	v := s.signIn(noor)
	id := v.me().Session.ID
	for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		v.want(403, "cross_origin", "POST", "/api/identity/v1/sessions/"+id+"/end", map[string]any{}, from...)
		v.want(403, "cross_origin", "POST", "/auth/sign-out", nil, from...)
		v.want(403, "cross_origin", "POST", "/auth/discover", nil, from...)
	}
	v.me()
	v.want(200, "", "POST", "/api/identity/v1/names", map[string]any{"ids": []string{id}}, "Sec-Fetch-Site", "same-origin", "Origin", s.public)
}

func TestThereIsNoPasswordToTry(t *testing.T) { // A1
	s := newScene(t)
	v := s.visitor(noor)
	for _, path := range []string{"/auth/login", "/auth/password", "/auth/register", "/auth/reset-password", "/auth/token", "/api/identity/v1/login",
		"/api/identity/v1/sessions/new", "/api/identity/v1/password", "/api/identity/v1/people/x/password", "/login", "/password", "/register", "/signup"} {
		for _, body := range []any{nil, map[string]any{"email": noor, "username": noor, "password": "correct horse"}} {
			if r := v.send("POST", path, body); r.status != 404 && r.status != 403 || v.cookie() != "" {
				t.Errorf("POST %s: %d", path, r.status)
			}
		}
	}
	for _, path := range []string{"/auth/login", "/auth/password", "/api/identity/v1/login", "/api/login"} {
		if r := v.send("GET", path, nil); r.status != 404 && r.status != 401 {
			t.Errorf("GET %s: %d", path, r.status)
		}
	}
	for _, path := range []string{"/auth/sign-in", "/auth/signed-out"} {
		if r := v.send("GET", path, nil); r.status != 200 || strings.Contains(strings.ToLower(r.body), "password\"") || strings.Contains(r.body, "<script") {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
	v.want(401, "unauthenticated", "GET", own, nil, "Authorization", "Basic bm9vcjpwYXNzd29yZA==")
}

func TestNothingInternalIsReachedThroughThePortal(t *testing.T) { // H4, A15
	s := newScene(t)
	v := s.signIn(noor)
	for _, path := range []string{"/api/identity/internal/sessions/redeem", "/api/identity/internal/sessions/x", "/api/identity/auth/start", "/api/nothing/v1/x",
		"/api/identity", "/api/", "/internal/sessions/redeem", "/api/identity/v1/%2e%2e/%2e%2e/internal/sessions/x", "/api/identity/v1//me", "/metrics", "/readyz"} {
		if r := v.send("POST", path, map[string]any{"code": "x"}); r.status != 404 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	// A token that identity would take for the portal's is not passed on from outside.
	m := s.admin.me()
	token, err := s.portal.Deps.Signer.Sign(principal.Principal{ID: m.Person.ID, Kind: principal.Person, Organization: m.Organization.ID,
		Roles: []string{"platform_admin"}, Seen: 1}, "identity")
	if err != nil {
		t.Fatal(err)
	}
	s.visitor(noor).want(401, "unauthenticated", "GET", own, nil, "Authorization", "Bearer "+token)
	v.want(200, "", "GET", own, nil, "Authorization", "Bearer "+token, "Chancery-Session-Ends", "x")
	if got := v.want(200, "", "GET", own, nil, "Authorization", "Bearer "+token); !strings.Contains(got.body, noor) {
		t.Fatal(got.body)
	}
}

func TestSessionsOutliveIdentity(t *testing.T) { // X1: killing identity leaves reads alive
	s := newScene(t)
	v := s.signIn(noor)
	v.me()
	if err := s.identity.Stop(); err != nil {
		t.Fatal(err)
	}
	r := v.want(503, "service_unavailable", "GET", own, nil)
	if r.header.Get("Retry-After") == "" || v.cookie() == "" {
		t.Fatal(r.header)
	}
	if r := v.send("GET", "/", nil); r.status != http.StatusOK {
		t.Fatal(r.status)
	}
}

func TestForeignObjectsAreNotFound(t *testing.T) { // A16
	s := newScene(t)
	noors := s.signIn(noor).me().Person.ID
	stranger := s.signIn(kenji)
	admin := s.signIn(lucia)
	admin.stepUp()
	kenjis := stranger.me().Person.ID
	for _, foreign := range []struct {
		v            *visitor
		method, path string
		body         any
	}{
		{stranger, "GET", "/people/" + noors, nil}, {stranger, "GET", "/organizations/" + s.northwind, nil}, {stranger, "GET", "/people?organization_id=" + s.northwind, nil},
		{admin, "GET", "/people/" + kenjis, nil}, {admin, "POST", "/people/" + kenjis + "/lock", reason("test")}, {admin, "POST", "/people/" + kenjis + "/deprovision", reason("test")},
		{admin, "POST", "/organizations/" + s.fabrik + "/roles", map[string]any{"person_id": kenjis, "role": "viewer"}},
		{admin, "GET", "/organizations/" + s.fabrik, nil}, {admin, "POST", "/sessions/" + stranger.me().Session.ID + "/end", map[string]any{}},
	} {
		got := foreign.v.want(404, "not_found", foreign.method, "/api/identity/v1"+foreign.path, foreign.body)
		missing := foreign.v.want(404, "not_found", foreign.method, "/api/identity/v1"+strings.NewReplacer(noors, "missing", kenjis, "missing", s.northwind, "missing", s.fabrik, "missing").Replace(foreign.path), foreign.body)
		if strip(got.body) != strip(missing.body) {
			t.Errorf("%s %s: %s and %s", foreign.method, foreign.path, got.body, missing.body)
		}
	}
	admin.want(422, "invalid", "POST", "/api/identity/v1/organizations/"+s.northwind+"/roles", map[string]any{"person_id": kenjis, "role": "viewer"})
	names := func(v *visitor) string {
		return v.want(200, "", "POST", "/api/identity/v1/names", map[string]any{"ids": []string{noors, kenjis, s.admin.me().Person.ID, s.northwind, s.fabrik, "x"}}).body
	}
	if b := names(admin); !strings.Contains(b, "Noor Haddad") || !strings.Contains(b, noor) || strings.Contains(b, "Kenji") || strings.Contains(b, "Fabrikam") ||
		!strings.Contains(b, "Ines Duarte") || strings.Contains(b, ines) {
		t.Error(b)
	}
	if b := names(s.admin); !strings.Contains(b, "Kenji Mori") || !strings.Contains(b, "Northwind Traders") {
		t.Error(b)
	}
}

func strip(body string) string {
	a, b, _ := strings.Cut(body, `"request_id":"`)
	_, b, _ = strings.Cut(b, `"`)
	return a + b
}

func TestThePersonasAreListed(t *testing.T) {
	s := newScene(t)
	if r := s.visitor("").want(200, "", "GET", "/api/dev/personas", nil); !strings.Contains(r.body, noor) {
		t.Fatal(r.body)
	}
	v := s.visitor(noor)
	if r := v.walk("/auth/start?email=" + noor); v.cookie() == "" {
		t.Fatal(r.body)
	}
}
