package identity_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/sethvargo/go-envconfig"

	"github.com/chancery-dev/chancery/libs/endpoint/endpointtest"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/identity"
)

// desk is identity with a provider's administrator and two partner organisations.
type desk struct {
	*testing.T
	*servicetest.Talk
	suite             *servicetest.Suite
	config            service.Config
	at                *service.Running
	root, lucia, ken  principal.Principal
	noor              principal.Principal
	northwind, fabrik string
}

type body map[string]any

func environment(more map[string]string) map[string]string {
	env := map[string]string{"CHANCERY_PUBLIC_URL": "http://127.0.0.1:1", "CHANCERY_PLATFORM_NAME": "Meridian Bank", "CHANCERY_PLATFORM_ISSUER": "https://sso.meridian.example",
		"CHANCERY_PLATFORM_CLIENT_ID": "chancery", "CHANCERY_PLATFORM_CLIENT_SECRET": "s3cret", "CHANCERY_PLATFORM_DOMAINS": "meridian.example",
		"CHANCERY_PLATFORM_GROUPS": "platform-admins:platform_admin"}
	maps.Copy(env, more)
	return env
}

func open(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, suite: servicetest.New(t, nil)}
	d.config = d.suite.Config("identity", true)
	d.config.Lookup = envconfig.MapLookuper(environment(nil))
	d.suite.Token("identity", principal.Principal{ID: "x", Kind: principal.Person})
	d.at = d.suite.Start("identity", d.config, identity.New)
	d.Talk = d.suite.Talk(t, d.at)
	provider := d.provider()
	d.root = d.person(provider, principal.PlatformAdmin)
	d.northwind, d.fabrik = d.register("Northwind"), d.register("Fabrikam")
	d.lucia, d.noor = d.person(d.northwind, principal.OrgAdmin), d.person(d.northwind, principal.AppOwner)
	d.ken = d.person(d.fabrik, principal.OrgAdmin)
	return d
}

// provider is the id of the organisation that the first start registered.
func (d *desk) provider() string {
	d.Helper()
	var id string
	err := d.at.Deps.Log.Follow(d.Context(), 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			for _, f := range r.Facts {
				if e, ok := f.(*identityv1.OrganizationRegistered); ok && e.Kind == "provider" {
					id = r.Envelope.GetSubject().GetId()
					return eventlog.ErrStop
				}
			}
		}
		return nil
	})
	if err != nil || id == "" {
		d.Fatal(id, err)
	}
	return id
}

// person provisions somebody and gives them a role by facts, and answers them as a caller with a fresh second factor.
func (d *desk) person(organization string, role string) principal.Principal {
	d.Helper()
	id := uuid.NewString()
	d.suite.Append("identity", "person", id, &identityv1.PersonProvisioned{PersonId: id, OrganizationId: organization, Issuer: "https://sso", Origin: "seed"})
	at := d.suite.Append("identity", "organization", organization, &identityv1.OrganizationRoleGranted{PersonId: id, Role: role, Origin: "manual"})
	d.Shown(at)
	return principal.Principal{ID: id, Kind: principal.Person, Organization: organization, Roles: []string{role}, Session: uuid.NewString(), SessionSeen: at, Seen: at,
		ACR: "mfa", AMR: []string{"mfa"}, AuthTime: time.Now()}
}

func (d *desk) register(name string) string {
	d.Helper()
	return d.Call(&d.root, "POST", "/v1/organizations", body{"name": name}).ID()
}

// A16, and every operation × no session, missing role, wrong kind.
func TestEveryOperationIsGuarded(t *testing.T) {
	d := open(t)
	portal := endpointtest.NewPortal(t, nil)
	public := portal.Signer().Public()
	at := d.suite.Append("portal", "signer", public.GetKeyId(), public)
	d.suite.Append("identity", "person", "other", &identityv1.PersonProvisioned{PersonId: "other", OrganizationId: d.fabrik})
	if err := d.at.Deps.Lineage.WaitFor(t.Context(), at+1); err != nil {
		t.Fatal(err)
	}
	stranger := d.person(d.fabrik, principal.OrgAdmin)
	if err := d.at.Deps.Lineage.WaitFor(t.Context(), stranger.Seen); err != nil {
		t.Fatal(err)
	}
	n := endpointtest.Matrix{URL: d.at.URL, Service: "identity", Portal: portal, Stranger: stranger, Object: func(_, path string) string {
		switch {
		case strings.HasPrefix(path, "/v1/organizations"):
			return d.northwind
		case strings.HasPrefix(path, "/v1/people"):
			return d.noor.ID
		}
		return uuid.NewString()
	}}.Run(t)
	if n < 150 {
		t.Fatalf("%d requests", n)
	}
}

func TestAnOrganizationsLife(t *testing.T) { // A6, A9
	d := open(t)
	at := "/v1/organizations/" + d.northwind
	var o struct {
		State        string
		SingleSignOn *struct {
			Issuer    string
			HasSecret bool `json:"has_secret"`
		} `json:"single_sign_on"`
		Allowed map[string]struct {
			Allowed bool
			Code    string
		}
	}
	sso := body{"issuer": "https://sso.northwind.example", "client_id": "c", "client_secret": "s3cret", "domains": []string{"northwind.example"}, "group_roles": body{"g": "app_owner"}}
	d.Call(&d.root, "POST", at+"/single-sign-on", sso).Wants(200, "")
	d.Call(&d.root, "GET", at, nil).Into(&o)
	if o.State != "registered" || o.SingleSignOn == nil || !o.SingleSignOn.HasSecret || !o.Allowed["verify"].Allowed || o.Allowed["resume"].Code != "already" {
		t.Fatalf("%+v", o)
	}
	if r := d.Call(&d.root, "GET", at, nil); strings.Contains(string(r.Body), "s3cret") { // D11
		t.Fatal("the client secret is shown")
	}
	d.Call(&d.root, "POST", at+"/verify", body{"method": "register", "evidence": "HRB 1234"}).Wants(200, "")
	d.Call(&d.root, "POST", at+"/suspend", body{"reason": "incident 7"}).Wants(200, "")
	d.Call(&d.root, "GET", at, nil).Into(&o)
	if o.State != "suspended" || o.Allowed["suspend"].Allowed {
		t.Fatalf("%+v", o)
	}
	d.Call(&d.root, "POST", at+"/resume", body{"reason": "cleared"}).Wants(200, "")
	d.Call(&d.lucia, "GET", at, nil).Into(&o)
	if o.State != "verified" || o.Allowed["close"].Allowed || !o.Allowed["grant_role"].Allowed {
		t.Fatalf("%+v", o)
	}
	for field, bad := range map[string]body{
		"issuer_invalid": {"issuer": "http://sso.example", "client_id": "c", "domains": []string{"x.example"}}, "domains_invalid": {"issuer": "https://sso.example", "client_id": "c", "domains": []string{"*.example"}},
		"role_foreign": {"issuer": "https://sso.example", "client_id": "c", "domains": []string{"x.example"}, "group_roles": body{"g": "platform_admin"}},
	} {
		d.Call(&d.root, "POST", at+"/single-sign-on", bad).Wants(422, field)
	}
	sso["domains"] = []string{"northwind.example"}
	d.Call(&d.root, "POST", "/v1/organizations/"+d.fabrik+"/single-sign-on", sso).Wants(409, "domain_taken")
	d.Call(&d.root, "POST", "/v1/organizations/"+d.provider()+"/close", body{"reason": "mistake"}).Wants(409, "provider_stays")
	d.Call(&d.root, "POST", at+"/close", body{"reason": "contract over"}).Wants(200, "")
	d.Call(&d.lucia, "GET", at, nil).Wants(401, "")
	d.Call(&d.root, "POST", at+"/verify", body{"method": "register", "evidence": "x"}).Wants(409, "organization_closed")
}

func TestRolesAreGivenWithinOnesReach(t *testing.T) { // A6, A15, A16
	d := open(t)
	at := "/v1/organizations/" + d.northwind + "/roles"
	d.Call(&d.lucia, "POST", at, body{"person_id": d.noor.ID, "role": "viewer"}).Wants(200, "")
	d.Call(&d.lucia, "POST", at, body{"person_id": d.noor.ID, "role": "reviewer"}).Wants(422, "role_foreign")
	d.Call(&d.lucia, "POST", at, body{"person_id": d.ken.ID, "role": "viewer"}).Wants(422, "invalid")
	d.Call(&d.lucia, "POST", at, body{"person_id": d.root.ID, "role": "viewer"}).Wants(422, "invalid")
	d.Call(&d.noor, "POST", at, body{"person_id": d.noor.ID, "role": "org_admin"}).Wants(403, "role_missing")
	d.Call(&d.ken, "POST", at, body{"person_id": d.noor.ID, "role": "viewer"}).Wants(404, "not_found")
	// A platform administrator's role in a partner's hands reaches nothing.
	forged := d.ken
	forged.Roles = []string{principal.PlatformAdmin}
	d.Call(&forged, "POST", at, body{"person_id": d.noor.ID, "role": "viewer"}).Wants(404, "not_found")
	d.Call(&forged, "POST", "/v1/organizations", body{"name": "Another"}).Wants(404, "not_found")
	d.Call(&d.lucia, "POST", at+"/revoke", body{"person_id": d.lucia.ID, "role": "org_admin", "reason": "moved on"}).Wants(409, "last_administrator")
	stale := d.lucia
	stale.AuthTime = time.Now().Add(-time.Hour)
	d.Call(&stale, "POST", at, body{"person_id": d.noor.ID, "role": "viewer"}).Wants(403, "step_up_required") // A2
	r := d.Call(&d.lucia, "POST", at, body{"person_id": d.noor.ID, "role": "viewer"}, "Idempotency-Key", "k-1")
	if again := d.Call(&d.lucia, "POST", at, body{"person_id": d.noor.ID, "role": "viewer"}, "Idempotency-Key", "k-1"); r.Status != 200 || again.Status != 200 {
		t.Fatal(r.Status, again.Status)
	}
}

func TestListsPage(t *testing.T) { // H5
	d := open(t)
	for i := range 4 {
		d.register(fmt.Sprintf("Partner %d", i))
	}
	var names []string
	for after := ""; ; {
		var page struct {
			Items []struct{ Name string }
			Next  string
		}
		d.Call(&d.root, "GET", "/v1/organizations?limit=2"+after, nil).Into(&page)
		for _, i := range page.Items {
			names = append(names, i.Name)
		}
		if page.Next == "" {
			break
		}
		after = "&after=" + page.Next
	}
	if got := strings.Join(names, ","); got != "Fabrikam,Meridian Bank,Northwind,Partner 0,Partner 1,Partner 2,Partner 3" {
		t.Fatal(got)
	}
	var own struct{ Items []struct{ ID string } }
	d.Call(&d.noor, "GET", "/v1/organizations", nil).Into(&own)
	if len(own.Items) != 1 || own.Items[0].ID != d.northwind {
		t.Fatal(own)
	}
	d.Call(&d.noor, "GET", "/v1/people?limit=1", nil).Into(&own)
	if len(own.Items) != 1 {
		t.Fatal(own)
	}
	for _, bad := range []string{"?limit=0", "?limit=201", "?after=x", "?unknown=1", "?limit=1&limit=2"} {
		d.Call(&d.noor, "GET", "/v1/people"+bad, nil).Wants(422, "invalid")
	}
}

func TestOnlyThePortalFetchesSessions(t *testing.T) {
	d := open(t)
	own := principal.Principal{ID: "portal", Kind: principal.Service}
	d.Call(&own, "POST", "/internal/sessions/redeem", body{"code": "guess"}).Wants(404, "not_found")
	d.Call(&own, "GET", "/internal/sessions/"+uuid.NewString(), nil).Wants(404, "not_found")
	d.Call(&d.root, "POST", "/internal/sessions/redeem", body{"code": "guess"}).Wants(403, "wrong_kind")
	d.Call(nil, "POST", "/internal/sessions/redeem", body{"code": "guess"}).Wants(401, "unauthenticated")
}

func TestRefusedSignInsAreCountedBeyondALimit(t *testing.T) { // A11: singly up to a limit, every one of them answered
	d := open(t)
	for range 40 {
		r, err := http.Get(d.at.URL + "/auth/callback?state=x&code=y")
		if err != nil || r.StatusCode != 400 {
			t.Fatal(r, err)
		}
		r.Body.Close()
	}
	tail, singles := 0, 0
	for tail == 0 {
		singles = 0
		err := d.at.Deps.Log.FollowActivity(d.Context(), 0, func(_ context.Context, batch []eventlog.Recorded) error {
			for _, r := range batch {
				for _, f := range r.Facts {
					if e, ok := f.(*activityv1.SignInFailed); ok && e.Reason == "state_mismatch" {
						singles++
						if r.Envelope.GetSubject().GetKind() == "" { // trap: every event names its subject
							t.Error("no subject")
						}
					}
				}
			}
			return eventlog.ErrStop
		})
		if err != nil {
			t.Fatal(err)
		}
		tail = singles
	}
	if singles > 20 {
		t.Fatalf("%d recorded singly", singles)
	}
}

func TestViewsAndPoliciesHoldOnTheWholeHistory(t *testing.T) { // X2, A5, X7
	d := open(t)
	at := "/v1/organizations/" + d.northwind
	d.Call(&d.root, "POST", at+"/single-sign-on", body{"issuer": "https://sso.northwind.example", "client_id": "c", "domains": []string{"northwind.example", "nw.example"}}).Wants(200, "")
	d.Call(&d.root, "POST", at+"/single-sign-on", body{"issuer": "https://sso.northwind.example", "client_id": "c", "domains": []string{"northwind.example"}}).Wants(200, "")
	d.Call(&d.root, "POST", at+"/signals", body{"poll_endpoint": "https://sso.northwind.example/events", "authorization_header": "Bearer x"}).Wants(200, "")
	d.Call(&d.root, "POST", at+"/verify", body{"method": "register", "evidence": "HRB 1234"}).Wants(200, "")
	d.Call(&d.root, "POST", at+"/suspend", body{"reason": "incident"}).Wants(200, "")
	d.Call(&d.root, "POST", at+"/resume", body{"reason": "cleared"}).Wants(200, "")
	for _, action := range []string{"lock", "unlock", "end-sessions", "deprovision", "erase"} {
		d.Call(&d.root, "POST", "/v1/people/"+d.noor.ID+"/"+action, body{"reason": "test of " + action}).Wants(200, "")
	}
	d.Call(&d.root, "POST", "/v1/organizations/"+d.fabrik+"/close", body{"reason": "contract over"}).Wants(200, "")
	d.suite.Settle(t, d.at)
	d.at = d.suite.PoliciesChangeNothing(t, d.at, d.config, identity.New)
	d.suite.ViewsHold(t, d.at, identity.Views(d.at.Deps.Vault))
	d.Talk = d.suite.Talk(t, d.at)
	var p struct {
		State, Name string
		Roles       []string
	}
	d.Call(&d.root, "GET", "/v1/people/"+d.noor.ID, nil).Into(&p)
	if p.State != "erased" || p.Name != "" || len(p.Roles) != 0 {
		t.Fatalf("%+v", p)
	}
}

func TestTheFirstStartNeedsThePlatform(t *testing.T) {
	for variable, env := range map[string]map[string]string{
		"CHANCERY_PLATFORM_NAME": environment(map[string]string{"CHANCERY_PLATFORM_NAME": ""}), "CHANCERY_PLATFORM_ISSUER": environment(map[string]string{"CHANCERY_PLATFORM_ISSUER": "ftp://x"}),
		"CHANCERY_PUBLIC_URL": environment(map[string]string{"CHANCERY_PUBLIC_URL": "http://portal.example"}), "CHANCERY_SESSION_LIFE": environment(map[string]string{"CHANCERY_SESSION_LIFE": "1s"}),
	} {
		s := servicetest.New(t, nil)
		c := s.Config("identity", true)
		c.Lookup = envconfig.MapLookuper(env)
		r, err := service.Start(t.Context(), "identity", c, identity.New)
		if err == nil {
			<-r.Failed()
			err = r.Err()
			_ = r.Stop()
		}
		if err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s: %v", variable, err)
		}
	}
}
