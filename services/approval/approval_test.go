package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/approval"
)

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
