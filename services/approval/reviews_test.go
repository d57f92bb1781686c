package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/principal"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/approval"
)

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
