package portal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	"github.com/chancery-dev/chancery/services/devidp"
	"github.com/chancery-dev/chancery/services/identity"
	"github.com/chancery-dev/chancery/services/portal"
)

const (
	ines    = "ines@meridian.example"     // the provider's first administrator
	aino    = "aino@meridian.example"     // auditor
	lucia   = "lucia@northwind.example"   // org_admin
	noor    = "noor@northwind.example"    // app_owner
	vera    = "vera@northwind.example"    // viewer without a second factor
	mallory = "mallory@northwind.example" // whom the provider of fabrikam claims to know
	kenji   = "kenji@fabrikam.example"    // app_owner elsewhere
)

// scene is the portal, identity and a development provider, with two partner organisations.
type scene struct {
	*testing.T
	suite             *servicetest.Suite
	portal, identity  *service.Running
	idp               *devidp.Provider
	public            string
	northwind, fabrik string
	admin             *visitor
}

func people(slug string) []devidp.Person {
	return map[string][]devidp.Person{
		"meridian": {{Name: "Ines Duarte", Email: ines, Factor: devidp.FactorKey}, {Name: "Aino Rao", Email: aino, Groups: []string{"auditors"}, Factor: devidp.FactorCode}},
		"northwind": {{Name: "Lucia Ferri", Email: lucia, Groups: []string{"org-admins"}, Factor: devidp.FactorCode},
			{Name: "Noor Haddad", Email: noor, Groups: []string{"app-owners"}, Factor: devidp.FactorCode},
			{Name: "Vera Lund", Email: vera, Groups: []string{"viewers"}, Factor: devidp.FactorNone}},
		"fabrikam": {{Name: "Mallory", Email: mallory, Factor: devidp.FactorKey}, {Name: "Kenji Mori", Email: kenji, Groups: []string{"app-owners"}, Factor: devidp.FactorKey}},
	}[slug]
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t, suite: servicetest.New(t, nil)}
	address := free(t)
	s.public = "http://" + address
	s.startProvider()
	c := s.suite.Config("identity", true)
	c.Lookup = envconfig.MapLookuper(map[string]string{
		"CHANCERY_PUBLIC_URL": s.public, "CHANCERY_LOOPBACK_PROVIDERS": "true", "CHANCERY_PLATFORM_NAME": "Meridian Bank",
		"CHANCERY_PLATFORM_ISSUER": s.idp.Issuer("meridian"), "CHANCERY_PLATFORM_CLIENT_ID": "chancery", "CHANCERY_PLATFORM_CLIENT_SECRET": "s3cret",
		"CHANCERY_PLATFORM_DOMAINS": "meridian.example", "CHANCERY_PLATFORM_GROUPS": "platform-admins:platform_admin,auditors:auditor",
		"CHANCERY_FIRST_ADMINISTRATOR": ines,
	})
	s.identity = s.suite.Start("identity", c, identity.New)
	c = s.suite.Config("portal", true)
	c.HTTPAddr = service.Address(address)
	c.Lookup = envconfig.MapLookuper(map[string]string{"CHANCERY_PUBLIC_URL": s.public, "CHANCERY_IDENTITY_URL": s.identity.URL})
	s.portal = s.suite.Start("portal", c, portal.With([]portal.Persona{{Name: "Noor Haddad", Email: noor, SignInURL: "/auth/start?email=" + noor}}))
	s.admin = s.signIn(ines)
	s.admin.stepUp()
	s.northwind, s.fabrik = s.register("Northwind Traders", "northwind"), s.register("Fabrikam Pay", "fabrikam")
	return s
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *scene) startProvider() {
	s.Helper()
	l, err := devidp.Listen("127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	var all []devidp.Organization
	for _, slug := range []string{"meridian", "northwind", "fabrikam"} {
		all = append(all, devidp.Organization{Slug: slug, Name: slug, ClientID: "chancery", ClientSecret: "s3cret",
			RedirectURIs: []string{s.public + "/auth/callback"}, People: people(slug)})
	}
	if s.idp, err = devidp.New("http://"+l.Addr().String(), all); err != nil {
		s.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.idp.Serve(ctx, l) }()
	s.Cleanup(func() { stop(); <-done })
}

func (s *scene) register(name, slug string) string {
	s.Helper()
	id := s.admin.want(201, "", "POST", "/api/identity/v1/organizations", map[string]any{"name": name}).text("id")
	s.admin.want(200, "", "POST", "/api/identity/v1/organizations/"+id+"/single-sign-on", map[string]any{
		"issuer": s.idp.Issuer(slug), "client_id": "chancery", "client_secret": "s3cret", "domains": []string{slug + ".example"},
		"group_roles": map[string]string{"org-admins": "org_admin", "app-owners": "app_owner", "viewers": "viewer"}})
	// Sign-in looks the domain up in a view.
	s.admin.want(200, "", "GET", "/api/identity/v1/organizations/"+id, nil)
	return id
}

// visitor is a browser.
type visitor struct {
	*scene
	http  *http.Client
	email string
}

func (s *scene) visitor(email string) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	return &visitor{scene: s, email: email, http: &http.Client{Jar: jar, Timeout: servicetest.Patience}}
}

// signIn signs a person in and demands that it succeeds.
func (s *scene) signIn(email string) *visitor {
	s.Helper()
	v := s.visitor(email)
	if page := v.walk("/auth/start?email=" + url.QueryEscape(email)); page.at != "/" || v.cookie() == "" {
		s.Fatalf("%s ended at %s (%d): %.600s", email, page.at, page.status, page.body)
	}
	return v
}

type reply struct {
	status int
	at     string // path it ended at
	header http.Header
	body   string
	fields map[string]any
	t      *testing.T
}

func (r reply) text(field string) string {
	r.t.Helper()
	v, ok := r.fields[field].(string)
	if !ok {
		r.t.Fatalf("no %s in %s", field, r.body)
	}
	return v
}

func (v *visitor) walk(path string) reply {
	v.Helper()
	response, err := devidp.Walk(v.http, v.public+path, v.email)
	if err != nil {
		v.Fatal(err)
	}
	return v.read(response)
}

func (v *visitor) stepUp() {
	v.Helper()
	if r := v.walk("/auth/step-up?return_to=/done"); r.at != "/done" {
		v.Fatalf("%s: step-up ended at %s (%d): %.600s", v.email, r.at, r.status, r.body)
	}
}

func (v *visitor) cookie() string {
	u, _ := url.Parse(v.public)
	for _, c := range v.http.Jar.Cookies(u) {
		if c.Name == "chancery_session" {
			return c.Value
		}
	}
	return ""
}

func (v *visitor) read(response *http.Response) reply {
	v.Helper()
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		v.Fatal(err)
	}
	r := reply{status: response.StatusCode, at: response.Request.URL.Path, header: response.Header, body: string(b), t: v.T}
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(b, &r.fields); err != nil {
			v.Fatalf("%s: %s", response.Request.URL, b)
		}
	}
	return r
}

func (v *visitor) send(method, path string, body any, headers ...string) reply {
	v.Helper()
	var payload io.Reader
	if body != nil {
		raw, _ := json.Marshal(body)
		payload = bytes.NewReader(raw)
	}
	r, err := http.NewRequest(method, v.public+path, payload)
	if err != nil {
		v.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := v.http.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	return v.read(response)
}

func (v *visitor) want(status int, code, method, path string, body any, headers ...string) reply {
	v.Helper()
	r := v.send(method, path, body, headers...)
	got, _ := r.fields["code"].(string)
	if r.status != status || got != code {
		v.Fatalf("%s %s as %s: %d %q, want %d %q: %.600s", method, path, v.email, r.status, got, status, code, r.body)
	}
	return r
}

type me struct {
	Person       struct{ ID, Name, Email string }
	Organization struct{ ID, Name, Kind string }
	Roles        []string
	Session      struct {
		ID         string
		ExpiresAt  time.Time `json:"expires_at"`
		ACR        string
		FreshUntil *time.Time `json:"fresh_until"`
	}
}

func (v *visitor) me() (m me) {
	v.Helper()
	r := v.want(200, "", "GET", "/api/identity/v1/me", nil)
	if err := json.Unmarshal([]byte(r.body), &m); err != nil {
		v.Fatal(err)
	}
	return m
}
