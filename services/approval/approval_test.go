package approval_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/approval"
)

// desk is an approval service that runs, the world it knows by facts, and the people who use it.
type desk struct {
	*servicetest.Talk
	suite  *servicetest.Suite
	at     *service.Running
	config service.Config
	ahead  *atomic.Int64 // how far the clock was moved on

	meridian, northwind, fabrikam     string
	paula, rita, rolf, sol            principal.Principal // the provider's: product owner, reviewers, security reviewer
	ana, ben, omar, vera, kenji, dana principal.Principal // partners'
	ledger, rates, vault              string              // partner, public and sensitive
	sandbox, production, other        string
}

func open(t *testing.T) *desk {
	d := &desk{ahead: new(atomic.Int64)}
	clock := func() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) }
	d.suite = servicetest.New(t, clock)
	d.config = d.suite.Config(approval.Name, true)
	d.suite.Token(approval.Name, principal.Principal{ID: "x", Kind: principal.Person}) // publishes the portal's key
	d.at = d.suite.Start(approval.Name, d.config, approval.New)
	d.Talk = d.suite.Talk(t, d.at)

	d.meridian, d.northwind, d.fabrikam = d.organization("meridian", "provider"), d.organization("northwind", "partner"), d.organization("fabrikam", "partner")
	d.fact("identity", "organization", d.northwind, &identityv1.OrganizationVerified{Method: "register"})
	d.paula = d.person("paula", d.meridian, principal.ProductOwner)
	d.rita = d.person("rita", d.meridian, principal.Reviewer)
	d.rolf = d.person("rolf", d.meridian, principal.Reviewer, principal.SecurityReviewer)
	d.sol = d.person("sol", d.meridian, principal.SecurityReviewer)
	d.ana = d.person("ana", d.northwind, principal.AppOwner)
	d.ben = d.person("ben", d.northwind, principal.AppOwner)
	d.omar = d.person("omar", d.northwind, principal.OrgAdmin)
	d.vera = d.person("vera", d.northwind, principal.Viewer)
	d.kenji = d.person("kenji", d.fabrikam, principal.AppOwner)
	d.dana = d.person("dana", d.fabrikam, principal.OrgAdmin, principal.AppOwner)

	d.ledger = d.product("ledger", "partner", &registryv1.ProductAudienceSet{Audience: "partner", OrganizationIds: []string{d.northwind}})
	d.rates = d.product("rates", "public", &registryv1.ProductAudienceSet{Audience: "public"})
	d.vault = d.product("vault", "sensitive", &registryv1.ProductAudienceSet{Audience: "partner"})
	d.sandbox = d.application("sandbox-app", d.northwind, "sandbox", d.ana, d.ben)
	d.production = d.application("production-app", d.northwind, "production", d.ana, d.ben)
	d.other = d.application("fabrikam-app", d.fabrikam, "sandbox", d.kenji, d.dana)
	return d
}

func (d *desk) fact(service, kind, id string, facts ...aggregate.Event) {
	d.Shown(d.suite.Append(service, kind, id, facts...))
}

func (d *desk) organization(name, kind string) string {
	id := uuid.NewString()
	d.Name(id, name)
	d.fact("identity", "organization", id, &identityv1.OrganizationRegistered{Name: name, Kind: kind})
	return id
}

func (d *desk) person(name, organization string, roles ...string) principal.Principal {
	id := uuid.NewString()
	d.Name(id, name)
	at := d.suite.Append("identity", "person", id, &identityv1.PersonProvisioned{OrganizationId: organization, Issuer: "https://idp.example"})
	for _, role := range roles {
		at = d.suite.Append("identity", "organization", organization, &identityv1.OrganizationRoleGranted{PersonId: id, Role: role})
	}
	d.Shown(at)
	return principal.Principal{ID: id, Kind: principal.Person, Organization: organization, Roles: roles, Session: uuid.NewString(),
		SessionSeen: at, Seen: at, AMR: []string{"mfa"}, AuthTime: time.Now()}
}

func (d *desk) product(slug, class string, audience *registryv1.ProductAudienceSet) string {
	id, version := uuid.NewString(), uuid.NewString()
	d.Name(id, slug)
	d.fact("registry", "version", version, &registryv1.VersionSubmitted{ProductId: id, OrganizationId: d.meridian, Version: "1.0", Scopes: []*registryv1.Scope{
		{Name: slug + ":read", Risk: "low", Description: "Read"}, {Name: slug + ":write", Risk: "high", Description: "Change"}}})
	d.fact("registry", "product", id, &registryv1.ProductDrafted{Slug: slug, Name: slug, OrganizationId: d.meridian},
		&registryv1.ProductClassified{Class: class}, audience, &registryv1.ProductPublished{VersionId: version, Version: "1.0"})
	return id
}

func (d *desk) application(name, organization, environment string, owner, backup principal.Principal) string {
	id := uuid.NewString()
	d.Name(id, name)
	d.fact("registry", "application", id, &registryv1.ApplicationRegistered{Name: name, OrganizationId: organization, Environment: environment,
		OwnerId: owner.ID, BackupOwnerId: backup.ID})
	return id
}

type body map[string]any

func ask(application, product string, scopes ...string) body {
	return body{"application_id": application, "product_id": product, "scopes": scopes, "duration_days": 30, "justification": "nightly reconciliation"}
}

// submitted is a request that waits, by its id and digest.
func (d *desk) submitted(t *testing.T, who principal.Principal, asked body) (id, digest string) {
	t.Helper()
	var answer struct {
		ID     string
		Digest string `json:"content_digest"`
	}
	d.Call(&who, "POST", "/v1/requests", asked).Into(&answer)
	return answer.ID, answer.Digest
}

func approve(seat, digest string) body {
	return body{"seat": seat, "verdict": "approve", "content_digest": digest}
}

// grantOf waits for the grant a request became.
func (d *desk) grantOf(t *testing.T, who principal.Principal, request string) string {
	t.Helper()
	d.suite.Settle(t, d.at)
	d.Shown(d.tail(t))
	var shown struct {
		GrantID string `json:"grant_id"`
	}
	d.Call(&who, "GET", "/v1/requests/"+request, nil).Into(&shown)
	if shown.GrantID == "" {
		t.Fatal("no grant came of the request")
	}
	return shown.GrantID
}

func (d *desk) tail(t *testing.T) uint64 {
	t.Helper()
	at, err := d.at.Deps.Log.Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// C1, C2, C3, C5, L7: a production request from asking to the grant, as it goes over the wire.
func TestAProductionRequestNeedsTwoDifferentPeople(t *testing.T) {
	d := open(t)
	asked := ask(d.production, d.ledger, "ledger:read")
	d.Call(&d.vera, "POST", "/v1/requests", asked).Wants(403, "role_missing")
	d.Call(&d.omar, "POST", "/v1/requests", asked).Wants(403, "not_owner")
	d.Call(&d.ana, "POST", "/v1/requests", ask(d.production, d.ledger, "ledger:*")).Wants(422, "scope_invalid")
	d.Call(&d.ana, "POST", "/v1/requests/preview", asked).Wants(200, "")
	var answer struct {
		ID     string
		Digest string `json:"content_digest"`
	}
	d.Call(&d.ana, "POST", "/v1/requests", asked, "Idempotency-Key", "one").Wants(201, "").Into(&answer)
	id, digest := answer.ID, answer.Digest
	d.Name(id, "the-request")
	d.Call(&d.ana, "POST", "/v1/requests", asked, "Idempotency-Key", "one").Wants(201, "")
	d.Aside("Nobody concerned reviews, nobody reviews what they have not seen, and nobody twice")
	d.Call(&d.ana, "POST", "/v1/requests/"+id+"/reviews", approve("product_reviewer", digest)).Wants(403, "separation_of_duties")
	d.Call(&d.ben, "POST", "/v1/requests/"+id+"/reviews", approve("organization_admin", digest)).Wants(403, "separation_of_duties")
	d.Call(&d.vera, "POST", "/v1/requests/"+id+"/reviews", approve("organization_admin", digest)).Wants(403, "not_eligible")
	d.Call(&d.sol, "POST", "/v1/requests/"+id+"/reviews", approve("product_reviewer", digest)).Wants(403, "not_eligible")
	d.Call(&d.rita, "POST", "/v1/requests/"+id+"/reviews", approve("product_reviewer", strings.Repeat("0", 64))).Wants(409, "content_changed")
	stale := d.rita
	stale.AuthTime = time.Now().Add(-time.Hour)
	d.Call(&stale, "POST", "/v1/requests/"+id+"/reviews", approve("product_reviewer", digest)).Wants(403, "step_up_required")
	d.Call(&d.omar, "GET", "/v1/requests?box=to_review", nil).Wants(200, "")
	d.Call(&d.omar, "POST", "/v1/requests/"+id+"/reviews", approve("organization_admin", digest)).Wants(200, "")
	d.Call(&d.omar, "POST", "/v1/requests/"+id+"/reviews", approve("product_reviewer", digest)).Wants(403, "separation_of_duties")
	d.Call(&d.omar, "GET", "/v1/requests?box=to_review", nil).Wants(200, "")
	d.Call(&d.rita, "GET", "/v1/requests/"+id, nil).Wants(200, "")
	d.Call(&d.rita, "POST", "/v1/requests/"+id+"/reviews", body{"seat": "product_reviewer", "verdict": "approve", "content_digest": digest, "comment": "fits"}).Wants(200, "")
	d.Aside("The grant follows by itself")
	grant := d.grantOf(t, d.ana, id)
	d.Name(grant, "the-grant")
	d.Call(&d.ana, "GET", "/v1/requests/"+id, nil).Wants(200, "")
	d.Call(&d.ana, "GET", "/v1/grants/"+grant, nil).Wants(200, "")
	d.Call(&d.rita, "GET", "/v1/requests?box=decided", nil).Wants(200, "")
	d.Call(&d.ana, "POST", "/v1/grants/"+grant+"/narrow", body{"scopes": []string{"ledger:read"}, "reason": "unused"}).Wants(422, "not_narrower")
	d.Call(&d.vera, "POST", "/v1/grants/"+grant+"/revoke", body{"reason": "x"}).Wants(403, "role_missing")
	d.Call(&d.paula, "POST", "/v1/grants/"+grant+"/revoke", body{"reason": "product ends"}).Wants(200, "")
	d.Call(&d.ana, "POST", "/v1/grants/"+grant+"/revoke", body{"reason": "again"}).Wants(409, "ended")
	d.Golden("production")
}

// C4: what a request needs, by class, environment and risk; low risk is decided at once.
func TestThePolicyDemandsReviewsByRisk(t *testing.T) {
	d := open(t)
	seats := func(asked body) (names []string, by string) {
		var p struct {
			Clauses   []struct{ Seat string }
			DecidedBy string `json:"decided_by"`
		}
		d.Call(&d.ana, "POST", "/v1/requests/preview", asked).Into(&p)
		for _, c := range p.Clauses {
			names = append(names, c.Seat)
		}
		return names, p.DecidedBy
	}
	for _, c := range []struct {
		asked body
		want  string
	}{
		{ask(d.sandbox, d.rates, "rates:read"), ""},
		{ask(d.sandbox, d.rates, "rates:read", "rates:write"), "product_reviewer security_reviewer"},
		{ask(d.sandbox, d.ledger, "ledger:read"), "product_reviewer"},
		{ask(d.production, d.rates, "rates:read"), "organization_admin product_reviewer"},
		{ask(d.production, d.vault, "vault:read"), "organization_admin product_reviewer security_reviewer"},
	} {
		got, by := seats(c.asked)
		if strings.Join(got, " ") != c.want || (by == "policy") != (c.want == "") {
			t.Errorf("%v: %v by %s, want %s", c.asked, got, by, c.want)
		}
	}
	id, _ := d.submitted(t, d.ana, ask(d.sandbox, d.rates, "rates:read"))
	var shown struct {
		State       string
		ReviewerIDs []string `json:"reviewer_ids"`
	}
	d.Call(&d.ana, "GET", "/v1/grants/"+d.grantOf(t, d.ana, id), nil).Into(&shown)
	if shown.State != "active" || len(shown.ReviewerIDs) != 0 {
		t.Errorf("decided by policy: %+v", shown)
	}
}

// A5, A7, C3: authority is judged on the facts at the moment of the review, whatever the caller's token still says.
func TestAuthorityIsWhatTheFactsSay(t *testing.T) {
	d := open(t)
	id, digest := d.submitted(t, d.ana, ask(d.sandbox, d.ledger, "ledger:read"))
	review := func(who principal.Principal, status int, code string) {
		t.Helper()
		d.Call(&who, "POST", "/v1/requests/"+id+"/reviews", approve("product_reviewer", digest)).Wants(status, code)
	}
	d.fact("identity", "organization", d.meridian, &identityv1.OrganizationRoleRevoked{PersonId: d.rita.ID, Role: principal.Reviewer})
	review(d.rita, 403, "not_eligible")
	d.fact("identity", "organization", d.meridian, &identityv1.OrganizationRoleGranted{PersonId: d.rita.ID, Role: principal.Reviewer})
	d.fact("registry", "product", d.ledger, &registryv1.ProductSeatAssigned{Seat: "reviewer", PersonId: d.rolf.ID})
	review(d.rita, 403, "not_eligible") // the product names its reviewers now
	d.fact("identity", "organization", d.northwind, &identityv1.OrganizationSuspended{Reason: "audit"})
	review(d.rolf, 409, "organization_closed")
	d.fact("identity", "organization", d.northwind, &identityv1.OrganizationResumed{})
	review(d.rolf, 200, "")
}

// A5: who has left reviews nothing, even with a session that was not ended yet.
func TestAReviewerWhoLeftIsNobody(t *testing.T) {
	d := open(t)
	id, digest := d.submitted(t, d.ana, ask(d.sandbox, d.ledger, "ledger:read"))
	d.fact("identity", "person", d.rita.ID, &identityv1.PersonDeprovisioned{Reason: "left"})
	// The guard turns them away, or else the rule does: whichever of them has folded the departure first.
	if r := d.Call(&d.rita, "POST", "/v1/requests/"+id+"/reviews", approve("product_reviewer", digest)); r.Code() != "unauthenticated" && r.Code() != "not_eligible" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// A5, X5: what somebody approved who left before the decision no longer counts.
func TestTheApprovalOfSomebodyWhoLeftIsTakenBack(t *testing.T) {
	d := open(t)
	id, digest := d.submitted(t, d.ana, ask(d.production, d.ledger, "ledger:read"))
	d.Call(&d.rita, "POST", "/v1/requests/"+id+"/reviews", approve("product_reviewer", digest)).Wants(200, "")
	d.fact("identity", "person", d.rita.ID, &identityv1.PersonDeprovisioned{Reason: "left"})
	d.Call(&d.omar, "POST", "/v1/requests/"+id+"/reviews", approve("organization_admin", digest)).Wants(200, "")
	d.suite.Settle(t, d.at)
	d.Shown(d.tail(t))
	var shown struct {
		State   string
		Clauses []struct {
			Seat    string
			Reviews []struct{ PersonID string }
		}
	}
	d.Call(&d.ana, "GET", "/v1/requests/"+id, nil).Into(&shown)
	if shown.State != "in_review" || len(shown.Clauses[0].Reviews) != 1 || len(shown.Clauses[1].Reviews) != 0 {
		t.Errorf("%+v", shown)
	}
	d.Call(&d.rolf, "POST", "/v1/requests/"+id+"/reviews", approve("product_reviewer", digest)).Wants(200, "")
	d.grantOf(t, d.ana, id)
}

// A16: every operation on an object out of reach answers as if there were none, whatever the body.
func TestForeignObjectsAreNotThere(t *testing.T) {
	d := open(t)
	request, _ := d.submitted(t, d.ana, ask(d.sandbox, d.rates, "rates:read"))
	grant := d.grantOf(t, d.ana, request)
	everything := d.kenji
	everything.Roles = []string{principal.AppOwner, principal.OrgAdmin, principal.ProductOwner, principal.Reviewer, principal.SecurityReviewer, principal.Auditor}
	for _, object := range []struct{ method, path, id string }{
		{"GET", "/v1/requests/{id}", request}, {"POST", "/v1/requests/{id}/reviews", request}, {"POST", "/v1/requests/{id}/withdraw", request},
		{"GET", "/v1/grants/{id}", grant}, {"POST", "/v1/grants/{id}/revoke", grant}, {"POST", "/v1/grants/{id}/narrow", grant},
	} {
		var first string
		for i, id := range []string{object.id, uuid.NewString(), "*"} {
			r := d.Call(&everything, object.method, strings.Replace(object.path, "{id}", id, 1), nil).Wants(404, "not_found")
			told := string(r.Body[:strings.Index(string(r.Body), `"request_id"`)])
			if i == 0 {
				first = told
			} else if told != first {
				t.Errorf("%s %s: a foreign object is told from none", object.method, object.path)
			}
		}
		d.Call(nil, object.method, strings.Replace(object.path, "{id}", object.id, 1), nil).Wants(401, "unauthenticated")
	}
	d.Call(&d.kenji, "POST", "/v1/requests", ask(d.sandbox, d.rates, "rates:read")).Wants(404, "not_found")
	d.Call(&d.kenji, "POST", "/v1/requests", ask(uuid.NewString(), d.rates, "rates:read")).Wants(404, "not_found")
	// A product of another audience is told from none by nothing.
	unseen := d.Call(&d.kenji, "POST", "/v1/requests", ask(d.other, d.ledger, "ledger:read")).Wants(409, "product_not_offered")
	none := d.Call(&d.kenji, "POST", "/v1/requests", ask(d.other, uuid.NewString(), "ledger:read")).Wants(409, "product_not_offered")
	if cut := func(b []byte) string { return string(b[:strings.Index(string(b), `"request_id"`)]) }; cut(unseen.Body) != cut(none.Body) {
		t.Errorf("%s and %s", unseen.Body, none.Body)
	}
	var page struct{ Items []struct{ ID string } }
	for _, path := range []string{"/v1/requests", "/v1/requests?box=mine", "/v1/requests?box=to_review", "/v1/requests?box=decided", "/v1/grants", "/v1/grants?application_id=" + d.sandbox} {
		for _, who := range []principal.Principal{d.kenji, everything} {
			if d.Call(&who, "GET", path, nil).Into(&page); len(page.Items) != 0 {
				t.Errorf("%s: %v", path, page.Items)
			}
		}
	}
}

// C5, C6, L8: what nobody decides expires, and so does what was given, each with a fact of its own.
func TestTimeEndsRequestsAndGrants(t *testing.T) {
	d := open(t)
	given, _ := d.submitted(t, d.ana, ask(d.sandbox, d.rates, "rates:read"))
	grant := d.grantOf(t, d.ana, given)
	asked, _ := d.submitted(t, d.ana, ask(d.sandbox, d.ledger, "ledger:read"))
	d.ahead.Store(int64(15 * 24 * time.Hour))
	d.eventually(t, func() bool { return d.said(t, "request", asked, &approvalv1.RequestExpired{}) })
	if d.said(t, "grant", grant, &approvalv1.GrantExpired{}) {
		t.Error("a grant of thirty days ended within fifteen")
	}
	d.ahead.Store(int64(31 * 24 * time.Hour))
	d.eventually(t, func() bool { return d.said(t, "grant", grant, &approvalv1.GrantExpired{}) })
	if d.said(t, "request", given, &approvalv1.RequestExpired{}) {
		t.Error("a decided request expired")
	}
}

// said tells whether a fact of this type is the last an aggregate says.
func (d *desk) said(t *testing.T, kind, id string, fact aggregate.Event) bool {
	t.Helper()
	log := d.suite.Log(approval.Name)
	records, err := log.Read(t.Context(), log.Subject(kind, id))
	if err != nil || len(records) == 0 {
		t.Fatal(id, err)
	}
	facts := records[len(records)-1].Facts
	return facts[len(facts)-1].ProtoReflect().Descriptor() == fact.ProtoReflect().Descriptor()
}

func (d *desk) eventually(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), servicetest.Patience)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); !holds(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never came to be")
		}
	}
}

// D9, L3, X2, X3: what an application's end takes with it, what it leaves alone, and the same when all is told again.
func TestTheEndOfAnApplicationEndsItsAccessAndNothingGivenLater(t *testing.T) {
	d := open(t)
	before, _ := d.submitted(t, d.ana, ask(d.sandbox, d.rates, "rates:read"))
	grant := d.grantOf(t, d.ana, before)
	pending, digest := d.submitted(t, d.ana, ask(d.sandbox, d.ledger, "ledger:read"))
	untouched, _ := d.submitted(t, d.ana, ask(d.production, d.ledger, "ledger:read"))
	d.fact("registry", "application", d.sandbox, &registryv1.ApplicationDisabled{Reason: "leak"}, &registryv1.ApplicationEnabled{Reason: "fixed"})
	d.suite.Settle(t, d.at)
	d.Shown(d.tail(t))
	state := func(path string) string {
		t.Helper()
		var shown struct{ State string }
		d.Call(&d.ana, "GET", path, nil).Into(&shown)
		return shown.State
	}
	if got := state("/v1/grants/" + grant); got != "revoked" {
		t.Errorf("the grant is %s", got)
	}
	if got := state("/v1/requests/" + pending); got != "withdrawn" {
		t.Errorf("the pending request is %s", got)
	}
	d.Call(&d.rita, "POST", "/v1/requests/"+pending+"/reviews", approve("product_reviewer", digest)).Wants(409, "already_decided")
	if got := state("/v1/requests/" + untouched); got != "submitted" {
		t.Errorf("another application's request is %s", got)
	}
	again, _ := d.submitted(t, d.ana, ask(d.sandbox, d.rates, "rates:read"))
	second := d.grantOf(t, d.ana, again)
	if got := state("/v1/grants/" + second); got != "active" {
		t.Errorf("what was given after enabling is %s", got)
	}
	foreign, _ := d.submitted(t, d.kenji, ask(d.other, d.rates, "rates:read"))
	third := d.grantOf(t, d.kenji, foreign)
	d.fact("identity", "organization", d.fabrikam, &identityv1.OrganizationClosed{Reason: "contract ended"})

	d.at = d.suite.PoliciesChangeNothing(t, d.at, d.config, approval.New)
	d.suite.ViewsHold(t, d.at, approval.Views())
	d.Talk = d.suite.Talk(t, d.at)
	d.Shown(d.tail(t))
	if got := state("/v1/grants/" + second); got != "active" {
		t.Errorf("after the policies were shown the past, what was given after enabling is %s", got)
	}
	var shown struct{ State string }
	d.Call(&d.paula, "GET", "/v1/grants/"+third, nil).Into(&shown)
	if shown.State != "revoked" {
		t.Errorf("the closed organisation's grant is %s", shown.State)
	}
}

// D9: a decision that had not seen the end comes to nothing, whichever way the race goes.
func TestADecisionThatRacedTheEndIsTakenBack(t *testing.T) {
	d := open(t)
	log := d.suite.Log("approval")
	seen := d.tail(t)
	d.fact("registry", "application", d.sandbox, &registryv1.ApplicationDisabled{Reason: "leak"}, &registryv1.ApplicationEnabled{Reason: "fixed"})
	content := &approvalv1.Content{ApplicationId: d.sandbox, OrganizationId: d.northwind, ProductId: d.rates, Scopes: []string{"rates:read"},
		Environment: "sandbox", Class: "public", DurationSeconds: 3600}
	late := func(kind, id string, facts ...aggregate.Event) {
		t.Helper()
		if _, err := log.Append(servicetest.Seen(t.Context(), seen), log.Subject(kind, id), 0, facts...); err != nil {
			t.Fatal(err)
		}
	}
	approved, waiting, grant := uuid.NewString(), uuid.NewString(), uuid.NewString()
	submitted := &approvalv1.RequestSubmitted{Content: content, ApplicationId: d.sandbox, OrganizationId: d.northwind, RequesterId: d.ana.ID,
		DecideBefore: timestamppb.New(time.Now().Add(time.Hour)), BarredPersonIds: []string{d.ana.ID}}
	late("request", approved, submitted, &approvalv1.RequestApproved{Content: content})
	late("request", waiting, submitted)
	late("grant", grant, &approvalv1.GrantActivated{RequestId: uuid.NewString(), ApplicationId: d.sandbox, OrganizationId: d.northwind,
		ProductId: d.rates, Scopes: content.Scopes, Until: timestamppb.New(time.Now().Add(time.Hour))})
	d.suite.Settle(t, d.at)
	d.Shown(d.tail(t))
	var shown struct {
		State   string
		GrantID string `json:"grant_id"`
	}
	if d.Call(&d.ana, "GET", "/v1/requests/"+approved, nil).Into(&shown); shown.GrantID != "" {
		t.Error("a grant came of a request from before the end")
	}
	if d.Call(&d.ana, "GET", "/v1/requests/"+waiting, nil).Into(&shown); shown.State != "withdrawn" {
		t.Errorf("the request is %s", shown.State)
	}
	if d.Call(&d.ana, "GET", "/v1/grants/"+grant, nil).Into(&shown); shown.State != "revoked" {
		t.Errorf("the grant is %s", shown.State)
	}
}

// X3, L7: reviewers who press at once: the request is decided once, by one of them in each seat.
func TestConcurrentReviewsFillASeatOnce(t *testing.T) {
	d := open(t)
	id, digest := d.submitted(t, d.ana, ask(d.sandbox, d.ledger, "ledger:read"))
	type result struct {
		status int
		code   string
	}
	results := make(chan result, 2)
	for _, who := range []principal.Principal{d.rita, d.rolf} {
		talk := d.suite.Talk(t, d.at)
		go func() {
			r := talk.Call(&who, "POST", "/v1/requests/"+id+"/reviews", approve("product_reviewer", digest))
			results <- result{r.Status, r.Code()}
		}()
	}
	a, b := <-results, <-results
	if a.status == b.status || min(a.status, b.status) != 200 || max(a.status, b.status) != 409 {
		t.Errorf("%v and %v", a, b)
	}
}

// L6: what people wrote stands in no table.
func TestWordsStayInTheLog(t *testing.T) {
	d := open(t)
	asked := ask(d.sandbox, d.ledger, "ledger:read")
	asked["justification"] = "because Xanthippe said so"
	id, _ := d.submitted(t, d.ana, asked)
	var shown struct{ Justification string }
	if d.Call(&d.ana, "GET", "/v1/requests/"+id, nil).Into(&shown); shown.Justification != "because Xanthippe said so" {
		t.Errorf("justification: %q", shown.Justification)
	}
	for _, v := range approval.Views() {
		for _, table := range v.Tables() {
			var n int
			if err := d.at.Deps.DB.Get(&n, `select count(*) from "`+table+`" x where x::text like '%Xanthippe%'`); err != nil || n != 0 {
				t.Errorf("%s: %d rows hold the words (%v)", table, n, err)
			}
		}
	}
}
