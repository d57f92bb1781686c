package portal_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/services/devidp"
)

func TestAPersonSignsInThroughTheirOrganizationsProvider(t *testing.T) { // A1, A5
	s := newScene(t)
	v := s.signIn(noor)
	m := v.me()
	if m.Person.Name != "Noor Haddad" || m.Person.Email != noor || m.Organization.ID != s.northwind || m.Organization.Kind != "partner" ||
		!slices.Equal(m.Roles, []string{"app_owner"}) || m.Session.FreshUntil != nil || time.Until(m.Session.ExpiresAt) > 31*time.Minute {
		t.Fatalf("%+v", m)
	}
	again := s.signIn(noor).me()
	if again.Person.ID != m.Person.ID || again.Session.ID == m.Session.ID {
		t.Fatalf("the same person in another session: %+v then %+v", m, again)
	}
	first := s.admin.me()
	if first.Organization.Kind != "provider" || !slices.Equal(first.Roles, []string{"platform_admin"}) || first.Session.FreshUntil == nil {
		t.Fatalf("the first administrator: %+v", first)
	}
	if r := s.signIn(aino).me(); !slices.Equal(r.Roles, []string{"auditor"}) {
		t.Fatalf("%+v", r)
	}
}

func TestTheBrowserGetsACookieAndNothingElse(t *testing.T) { // H1: no token, no code, no readable cookie
	s := newScene(t)
	v := s.visitor(noor)
	var seen []http.Header
	v.http.Transport = watch{&seen}
	if r := v.walk("/auth/start?email=" + noor + "&return_to=/applications%3Fstate%3Dactive"); r.at != "/applications" {
		t.Fatal(r.at, r.body)
	}
	cookies := 0
	for _, h := range seen {
		if h.Get("Chancery-Handoff") != "" {
			t.Error("the code reached the browser")
		}
		for _, c := range h.Values("Set-Cookie") {
			if !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") {
				t.Errorf("cookie %s", c)
			}
			if strings.HasPrefix(c, "chancery_session=") {
				cookies++
				if strings.Count(c, ".") >= 2 {
					t.Error("the cookie looks like a token")
				}
			}
		}
	}
	if cookies != 1 {
		t.Errorf("%d session cookies", cookies)
	}
	before := v.cookie()
	v.stepUp()
	if v.cookie() == before || v.cookie() == "" {
		t.Error("the cookie stays across a confirmation")
	}
	stolen := s.visitor(noor)
	u, _ := url.Parse(s.public)
	stolen.http.Jar.SetCookies(u, []*http.Cookie{{Name: "chancery_session", Value: before}})
	stolen.want(401, "unauthenticated", "GET", "/api/identity/v1/me", nil)
}

// watch keeps the headers of every answer.
type watch struct{ seen *[]http.Header }

func (w watch) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && !strings.Contains(response.Header.Get("Set-Cookie"), "devidp") {
		*w.seen = append(*w.seen, response.Header.Clone())
	}
	return response, err
}

// callback walks to the provider and gives the address the person would come back with, without going there.
func (v *visitor) callback() string {
	v.Helper()
	c := *v.http
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/auth/callback" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	response, err := devidp.Walk(&c, v.public+"/auth/start?email="+url.QueryEscape(v.email), v.email)
	if err != nil {
		v.Fatal(err)
	}
	defer response.Body.Close()
	to, err := response.Location()
	if err != nil {
		v.Fatalf("%s: %v", response.Request.URL, err)
	}
	return to.RequestURI()
}

func TestACallbackWorksOnceInTheBrowserThatBegan(t *testing.T) { // A1: state
	s := newScene(t)
	victim, attacker := s.visitor(noor), s.visitor(vera)
	back := attacker.callback()
	if r := victim.send("GET", back, nil); r.status != 400 || victim.cookie() != "" || !strings.Contains(r.body, "This sign-in is over") {
		t.Fatalf("a callback begun elsewhere signs in: %d %s", r.status, r.body)
	}
	if r := attacker.send("GET", back, nil); attacker.cookie() == "" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	attacker.http.Jar, _ = cookiejar.New(nil)
	for _, q := range []string{back, "/auth/callback", "/auth/callback?state=x&code=y", "/auth/callback?error=access_denied"} {
		if r := attacker.send("GET", q, nil); r.status != 400 || attacker.cookie() != "" {
			t.Errorf("%s: %d", q, r.status)
		}
	}
}

func TestAForgedTokenSignsNobodyIn(t *testing.T) { // A1: nonce, issuer, signature, verified address
	s := newScene(t)
	for _, fault := range []devidp.Fault{devidp.FaultNonce, devidp.FaultIssuer, devidp.FaultSignature, devidp.FaultEmail} {
		v := s.visitor(noor)
		back := v.callback()
		s.idp.Break("northwind", fault)
		if r := v.send("GET", back, nil); r.status < 400 || v.cookie() != "" || strings.Contains(r.body, "jwt") || !strings.Contains(r.body, "Reference") { // H4
			t.Errorf("%s: %d %s", fault, r.status, r.body)
		}
	}
	s.signIn(noor)
}

func TestAProvidersRefusalIsShownInItsWords(t *testing.T) {
	s := newScene(t)
	v := s.visitor(noor)
	r := v.walk("/auth/start?organization=" + s.northwind + "&login_hint=error:access_denied")
	if r.status != 403 || !strings.Contains(r.body, "access_denied") || !strings.Contains(r.body, "was asked to answer") || v.cookie() != "" {
		t.Fatalf("%d %s", r.status, r.body)
	}
}

func TestAnAddressOfAnotherDomainIsRefused(t *testing.T) { // A16: one organisation's provider speaks for its own domains only
	s := newScene(t)
	v := s.visitor(mallory)
	if r := v.walk("/auth/start?organization=" + s.fabrik); r.status != 403 || v.cookie() != "" || !strings.Contains(r.body, "belongs elsewhere") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	s.admin.want(409, "domain_taken", "POST", "/api/identity/v1/organizations/"+s.fabrik+"/single-sign-on", map[string]any{
		"issuer": s.idp.Issuer("fabrikam"), "client_id": "chancery", "domains": []string{"fabrikam.example", "northwind.example"}})
}

func TestDiscoveryLooksAtTheDomainAlone(t *testing.T) { // ui: no enumeration of people
	s := newScene(t)
	v := s.visitor("")
	form := func(email string) reply {
		response, err := v.http.PostForm(s.public+"/auth/discover", url.Values{"email": {email}, "return_to": {"/x"}})
		if err != nil {
			t.Fatal(err)
		}
		return v.read(response)
	}
	s.signIn(noor)
	known, unknown := form(noor), form("nobody@northwind.example")
	if known.status != 200 || known.body != unknown.body || !strings.Contains(known.body, "Continue with Northwind Traders") {
		t.Errorf("a known and an unknown person differ:\n%s\n%s", known.body, unknown.body)
	}
	if r := form("someone@elsewhere.example"); r.status != 200 || !strings.Contains(r.body, "elsewhere.example") || strings.Contains(r.body, "Northwind") {
		t.Errorf("%d %s", r.status, r.body)
	}
	for _, bad := range []string{"", "x", "a@", "<b>@northwind.example", "a b@northwind.example", "Ana <a@northwind.example>"} {
		if r := form(bad); r.status != 422 || strings.Contains(r.body, "<b>") {
			t.Errorf("%q: %d", bad, r.status)
		}
	}
}

func TestTheWayBackStaysOnThisOrigin(t *testing.T) { // open redirect
	s := newScene(t)
	for _, to := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/auth/sign-out", "/api/identity/v1/me", "%2f%2fevil.example", "/\tx"} {
		v := s.visitor(noor)
		if r := v.walk("/auth/start?email=" + noor + "&return_to=" + url.QueryEscape(to)); r.at != "/" {
			t.Errorf("%q led to %s", to, r.at)
		}
	}
}

func TestWhoIsBarredIsToldSo(t *testing.T) { // A5, A17
	s := newScene(t)
	m := s.signIn(noor).me()
	s.admin.want(200, "", "POST", "/api/identity/v1/people/"+m.Person.ID+"/lock", map[string]any{"reason": "lost laptop"})
	if r := s.visitor(noor).walk("/auth/start?email=" + noor); r.status != 403 || !strings.Contains(r.body, "locked") {
		t.Fatalf("locked: %d %s", r.status, r.body)
	}
	s.admin.want(200, "", "POST", "/api/identity/v1/people/"+m.Person.ID+"/unlock", map[string]any{"reason": "found it"})
	again := s.signIn(noor)
	s.admin.want(200, "", "POST", "/api/identity/v1/people/"+m.Person.ID+"/deprovision", map[string]any{"reason": "left the company"})
	again.want(401, "unauthenticated", "GET", "/api/identity/v1/me", nil)
	if r := s.visitor(noor).walk("/auth/start?email=" + noor); r.status != 403 || !strings.Contains(r.body, "no access any more") {
		t.Fatalf("deprovisioned: %d %s", r.status, r.body)
	}
}

func TestRolesFollowTheGroupsAtEachSignIn(t *testing.T) { // A5
	s := newScene(t)
	v := s.signIn(vera)
	s.idp.SetGroups(vera, "app-owners")
	if m := s.signIn(vera).me(); !slices.Equal(m.Roles, []string{"app_owner"}) {
		t.Fatalf("%+v", m)
	}
	// The session from before has the roles of now.
	if m := v.me(); !slices.Equal(m.Roles, []string{"app_owner"}) {
		t.Fatalf("%+v", m)
	}
	s.idp.SetGroups(vera)
	if m := s.signIn(vera).me(); len(m.Roles) != 0 {
		t.Fatalf("%+v", m)
	}
	s.idp.SetGroups(vera, "platform-admins")
	if m := s.signIn(vera).me(); len(m.Roles) != 0 { // A15: no tier is left by a group's name
		t.Fatalf("%+v", m)
	}
}

func TestAClosedOrSuspendedOrganizationSignsNobodyIn(t *testing.T) {
	s := newScene(t)
	v := s.signIn(kenji)
	at := "/api/identity/v1/organizations/" + s.fabrik
	s.admin.want(200, "", "POST", at+"/suspend", map[string]any{"reason": "incident"})
	v.want(401, "unauthenticated", "GET", "/api/identity/v1/me", nil)
	if r := s.visitor(kenji).walk("/auth/start?email=" + kenji); r.status != 403 {
		t.Fatalf("suspended: %d %s", r.status, r.body)
	}
	s.admin.want(200, "", "POST", at+"/resume", map[string]any{"reason": "cleared"})
	v = s.signIn(kenji)
	s.admin.want(200, "", "POST", at+"/close", map[string]any{"reason": "contract over"})
	v.want(401, "unauthenticated", "GET", "/api/identity/v1/me", nil)
	if r := s.visitor(kenji).walk("/auth/start?organization=" + s.fabrik); r.status != 404 {
		t.Fatalf("closed: %d %s", r.status, r.body)
	}
}

func TestOnePersonComesOfManySignInsAtOnce(t *testing.T) {
	s := newScene(t)
	ids := make(chan string, 6)
	for range cap(ids) {
		v := s.visitor(noor)
		go func() {
			response, err := devidp.Walk(v.http, v.public+"/auth/start?email="+noor, noor)
			if err != nil {
				ids <- err.Error()
				return
			}
			response.Body.Close()
			ids <- v.me().Person.ID
		}()
	}
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first {
			t.Errorf("%s and %s", first, id)
		}
	}
}
