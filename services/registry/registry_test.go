package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/principal"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/registry"
)

// B5, B8, B9, B10, B12, B15: from a draft to the catalogue, as it goes over the wire.
func TestAProductReachesTheCatalogueByExplicitDecisions(t *testing.T) {
	d := open(t)
	d.Aside("A draft is nobody's business outside")
	product := d.Call(&d.paula, "POST", "/v1/products", body{"slug": "ledger", "name": "Ledger", "purpose": "see balances"}).Wants(201, "").ID()
	d.Name(product, "ledger")
	d.Call(&d.paula, "POST", "/v1/products", body{"slug": "ledger", "name": "Ledger", "purpose": "again"}).Wants(409, "slug_taken")
	d.Call(&d.ana, "GET", "/v1/products/"+product, nil).Wants(404, "not_found")
	d.Call(&d.ana, "GET", "/v1/products", nil).Wants(200, "")
	d.Aside("A document is read, or refused with its line")
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/versions?file=old.yaml", []byte("\nswagger: '2.0'\n")).Wants(422, "contract_invalid")
	version := d.Call(&d.paula, "POST", "/v1/products/"+product+"/versions", ledger(t)).Wants(201, "").ID()
	d.Name(version, "ledger 1.4.0")
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/versions", ledger(t)).Wants(409, "version_taken")
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/publish", body{"version_id": version}).Wants(409, "class_missing")
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/classify", body{"class": "partner", "reason": "balances of businesses"}).Wants(200, "")
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/audience", body{"audience": "partner", "organization_ids": []string{d.northwind}}).Wants(200, "")
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/publish", body{"version_id": version}).Wants(409, "seat_empty")
	minute := body{"name": "minute", "per": "application", "calls": 600, "window_seconds": 60}
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/limits", body{"limits": []body{minute, minute}}).Wants(422, "limit_invalid")
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/limits", body{"limits": []body{minute}}).Wants(200, "")
	for _, seat := range []string{"product_owner", "api_owner", "listing_owner"} {
		d.Call(&d.paula, "POST", "/v1/products/"+product+"/seats", body{"seat": seat, "person_id": d.paula.ID}).Wants(200, "")
	}
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/seats", body{"seat": "reviewer", "person_id": d.ana.ID}).Wants(422, "person_invalid")
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/publish", body{"version_id": version}).Wants(409, "version_unpublished")
	d.Call(&d.paula, "POST", "/v1/versions/"+version+"/publish", nil).Wants(200, "")
	d.Call(&d.ana, "GET", "/v1/products/"+product, nil).Wants(404, "not_found")
	d.Aside("Published, its audience sees it and nobody else does")
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/publish", body{"version_id": version}).Wants(200, "")
	d.Call(&d.ana, "GET", "/v1/products", nil).Wants(200, "")
	d.Call(&d.ana, "GET", "/v1/products/"+product, nil).Wants(200, "")
	d.Call(&d.paula, "GET", "/v1/products/"+product, nil).Wants(200, "")
	d.Call(&d.ana, "GET", "/v1/versions/"+version, nil).Wants(200, "")
	if got := d.Call(&d.ana, "GET", "/v1/versions/"+version+"/contract", nil).Wants(200, ""); string(got.Body) != string(ledger(t)) {
		t.Error("the contract is not the document that was handed in")
	}
	d.Call(&d.kenji, "GET", "/v1/products", nil).Wants(200, "")
	d.Call(&d.kenji, "GET", "/v1/products/"+product, nil).Wants(404, "not_found")
	d.Call(&d.kenji, "GET", "/v1/products/"+product+"/versions", nil).Wants(404, "not_found")
	d.Call(&d.kenji, "GET", "/v1/versions/"+version, nil).Wants(404, "not_found")
	d.Call(&d.kenji, "GET", "/v1/versions/"+version+"/contract", nil).Wants(404, "not_found")
	d.Aside("Withdrawn, it is gone from the catalogue")
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/withdraw", body{"reason": "incident"}).Wants(200, "")
	d.Call(&d.ana, "GET", "/v1/products/"+product, nil).Wants(404, "not_found")
	d.Golden("product")
}

// B1, B2, B3, B4, L12: an application's life, as it goes over the wire.
func TestAnApplicationHasTwoOwnersAllItsLife(t *testing.T) {
	d := open(t)
	app := body{"name": "Ledger Sync", "purpose": "nightly reconciliation", "environment": "production", "backup_owner_id": d.ben.ID}
	d.Call(&d.paula, "POST", "/v1/applications", app).Wants(403, "role_missing")
	app["backup_owner_id"] = d.ana.ID
	d.Call(&d.ana, "POST", "/v1/applications", app).Wants(422, "two_owners")
	app["backup_owner_id"] = d.kenji.ID
	d.Call(&d.ana, "POST", "/v1/applications", app).Wants(422, "owner_invalid")
	app["backup_owner_id"] = d.ben.ID
	id := d.Call(&d.ana, "POST", "/v1/applications", app, "Idempotency-Key", "one").Wants(201, "").ID()
	d.Name(id, "ledger-sync")
	if again := d.Call(&d.ana, "POST", "/v1/applications", app, "Idempotency-Key", "one").ID(); again != id {
		t.Errorf("the same command made %s and %s", id, again)
	}
	d.Call(&d.ana, "GET", "/v1/applications/"+id, nil).Wants(200, "")
	d.Call(&d.cleo, "POST", "/v1/applications/"+id+"/owners", body{"seat": "owner", "person_id": d.cleo.ID}).Wants(403, "not_owner")
	d.Call(&d.ana, "POST", "/v1/applications/"+id+"/owners", body{"seat": "owner", "person_id": d.ben.ID}).Wants(422, "two_owners")
	d.Aside("An owner leaves")
	d.suite.Append("identity", "person", d.ben.ID, &identityv1.PersonDeprovisioned{Reason: "left", Origin: "scim"})
	d.suite.Settle(t, d.at)
	d.Shown(d.tail(t))
	d.Call(&d.ana, "GET", "/v1/applications?state=orphaned", nil).Wants(200, "")
	d.Call(&d.omar, "POST", "/v1/applications/"+id+"/owners", body{"seat": "backup_owner", "person_id": d.ben.ID}).Wants(422, "owner_invalid")
	d.Call(&d.omar, "POST", "/v1/applications/"+id+"/owners", body{"seat": "backup_owner", "person_id": d.cleo.ID}).Wants(200, "")
	d.Aside("What the provider imposes the partner does not lift")
	d.Call(&d.pam, "POST", "/v1/applications/"+id+"/suspend", body{"reason": "investigation"}).Wants(200, "")
	d.Call(&d.omar, "POST", "/v1/applications/"+id+"/resume", body{"reason": "please"}).Wants(403, "imposed")
	d.Call(&d.pam, "POST", "/v1/applications/"+id+"/resume", body{"reason": "cleared"}).Wants(200, "")
	d.Call(&d.omar, "POST", "/v1/applications/"+id+"/disable", body{"reason": "unused"}).Wants(200, "")
	d.Call(&d.omar, "POST", "/v1/applications/"+id+"/enable", body{"reason": "used again"}).Wants(200, "")
	d.Call(&d.cleo, "POST", "/v1/applications/"+id+"/offboard", body{"reason": "project ended"}).Wants(200, "")
	d.Call(&d.omar, "POST", "/v1/applications/"+id+"/enable", body{"reason": "please"}).Wants(409, "offboarded")
	d.Call(&d.omar, "GET", "/v1/applications/"+id, nil).Wants(200, "")
	d.Golden("application")
}

// A16: every operation on an object out of reach answers as if there were none, whatever the body.
func TestForeignObjectsAreNotThere(t *testing.T) {
	d := open(t)
	product, version := d.product(t, "ledger", "partner", "partner", d.northwind)
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/publish", body{"version_id": version}).ID()
	application := d.Call(&d.ana, "POST", "/v1/applications", body{"name": "A", "purpose": "b", "environment": "sandbox", "backup_owner_id": d.ben.ID}).ID()
	everything := d.kenji
	everything.Roles = []string{principal.AppOwner, principal.OrgAdmin, principal.ProductOwner, principal.APIOwner, principal.Reviewer}
	for _, object := range []struct{ method, path, id string }{
		{"GET", "/v1/products/{id}", product}, {"POST", "/v1/products/{id}/classify", product}, {"POST", "/v1/products/{id}/seats", product},
		{"POST", "/v1/products/{id}/audience", product}, {"POST", "/v1/products/{id}/publish", product}, {"POST", "/v1/products/{id}/withdraw", product},
		{"POST", "/v1/products/{id}/retire", product}, {"POST", "/v1/products/{id}/limits", product}, {"GET", "/v1/products/{id}/versions", product}, {"POST", "/v1/products/{id}/versions", product},
		{"GET", "/v1/versions/{id}", version}, {"GET", "/v1/versions/{id}/contract", version}, {"POST", "/v1/versions/{id}/publish", version},
		{"POST", "/v1/versions/{id}/deprecate", version}, {"POST", "/v1/versions/{id}/rollout", version},
		{"GET", "/v1/applications/{id}", application}, {"POST", "/v1/applications/{id}/owners", application}, {"POST", "/v1/applications/{id}/suspend", application},
		{"POST", "/v1/applications/{id}/resume", application}, {"POST", "/v1/applications/{id}/disable", application},
		{"POST", "/v1/applications/{id}/enable", application}, {"POST", "/v1/applications/{id}/offboard", application},
	} {
		var bodies []string
		for _, id := range []string{object.id, uuid.NewString(), "*"} {
			path := strings.Replace(object.path, "{id}", id, 1)
			r := d.Call(&everything, object.method, path, nil).Wants(404, "not_found")
			bodies = append(bodies, string(r.Body[:strings.Index(string(r.Body), `"request_id"`)]))
		}
		for _, b := range bodies {
			if b != bodies[0] {
				t.Errorf("%s %s: a foreign object is told from none: %s and %s", object.method, object.path, bodies[0], b)
			}
		}
		d.Call(nil, object.method, strings.Replace(object.path, "{id}", object.id, 1), nil).Wants(401, "unauthenticated")
	}
	var page struct{ Items []struct{ ID string } }
	for _, path := range []string{"/v1/applications", "/v1/applications?organization_id=" + d.northwind, "/v1/products"} {
		d.Call(&d.kenji, "GET", path, nil).Into(&page)
		if len(page.Items) != 0 {
			t.Errorf("%s: a foreign organisation's: %v", path, page.Items)
		}
	}
	d.Call(&d.pam, "GET", "/v1/applications?organization_id="+d.northwind, nil).Into(&page)
	if len(page.Items) != 1 {
		t.Errorf("the provider's administrator sees %d", len(page.Items))
	}
}

// A2: what is privileged needs a second factor confirmed within minutes.
func TestPrivilegedOperationsDemandAFreshSecondFactor(t *testing.T) {
	d := open(t)
	product, version := d.product(t, "ledger", "partner", "partner")
	stale := d.paula
	stale.AuthTime = time.Now().Add(-time.Hour)
	for path, b := range map[string]body{
		"/v1/products/" + product + "/publish":  {"version_id": version},
		"/v1/products/" + product + "/audience": {"audience": "public"},
		"/v1/products/" + product + "/seats":    {"seat": "reviewer", "person_id": d.pam.ID},
		"/v1/versions/" + version + "/publish":  {},
		"/v1/versions/" + version + "/rollout":  {"operation_id": "pay", "percent": 10},
	} {
		d.Call(&stale, "POST", path, b).Wants(403, "step_up_required")
	}
}

// Lists go on where the page before ended, whatever came in between.
func TestListsPageByKey(t *testing.T) {
	d := open(t)
	for _, name := range []string{"A", "B", "C", "D", "E"} {
		d.Call(&d.ana, "POST", "/v1/applications", body{"name": name, "purpose": "p", "environment": "sandbox", "backup_owner_id": d.ben.ID}).ID()
	}
	var names []string
	path := "/v1/applications?limit=2"
	for path != "" {
		var page struct {
			Items []struct{ Name string }
			Next  string
		}
		d.Call(&d.ana, "GET", path, nil).Into(&page)
		for _, a := range page.Items {
			names = append(names, a.Name)
		}
		if path = ""; page.Next != "" {
			path = "/v1/applications?limit=2&after=" + page.Next
		}
		d.Call(&d.ana, "POST", "/v1/applications", body{"name": "late", "purpose": "p", "environment": "sandbox", "backup_owner_id": d.ben.ID}).ID()
	}
	if got := strings.Join(names, ""); got != "EDCBA" {
		t.Errorf("pages: %s", got)
	}
}

// B3, B24, L12: time retires what was announced, and stops what nobody answers for.
func TestTimeRetiresVersionsAndSuspendsApplicationsWithoutAnOwner(t *testing.T) {
	d := open(t)
	_, version := d.product(t, "ledger", "partner", "partner")
	d.Call(&d.paula, "POST", "/v1/versions/"+version+"/deprecate", body{"sunset_at": time.Now().Add(31 * 24 * time.Hour), "migration": "2.0"}).ID()
	lost := d.Call(&d.ana, "POST", "/v1/applications", body{"name": "A", "purpose": "p", "environment": "sandbox", "backup_owner_id": d.ben.ID}).ID()
	d.suite.Append("identity", "person", d.ben.ID, &identityv1.PersonDeprovisioned{Reason: "left"})
	d.suite.Settle(t, d.at)
	if d.said(t, "application", lost, &registryv1.ApplicationSuspended{}) || !d.said(t, "application", lost, &registryv1.ApplicationOrphaned{}) {
		t.Error("an application is stopped at once, or not marked")
	}
	d.ahead.Store(int64(15 * 24 * time.Hour))
	d.eventually(t, func() bool { return d.said(t, "application", lost, &registryv1.ApplicationSuspended{}) })
	if d.said(t, "version", version, &registryv1.VersionRetired{}) {
		t.Error("a version was retired before its announced end")
	}
	d.ahead.Store(int64(32 * 24 * time.Hour))
	d.eventually(t, func() bool { return d.said(t, "version", version, &registryv1.VersionRetired{}) })
}

// B3, L12, X2, X3: every view and policy on a log that holds every fact they care for.
func TestViewsAndPoliciesHoldOnTheWholeHistory(t *testing.T) {
	d := open(t)
	product, version := d.product(t, "ledger", "partner", "partner", d.northwind)
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/publish", body{"version_id": version}).ID()
	d.Call(&d.paula, "POST", "/v1/versions/"+version+"/deprecate", body{"sunset_at": time.Now().Add(60 * 24 * time.Hour), "migration": "2.0"}).ID()
	first := d.Call(&d.ana, "POST", "/v1/applications", body{"name": "A", "purpose": "p", "environment": "sandbox", "backup_owner_id": d.ben.ID}).ID()
	second := d.Call(&d.kenji, "POST", "/v1/applications", body{"name": "B", "purpose": "p", "environment": "production", "backup_owner_id": d.dana.ID}).ID()
	request, grant := uuid.NewString(), uuid.NewString()
	content := &approvalv1.Content{ApplicationId: first, OrganizationId: d.northwind, ProductId: product, Scopes: []string{"accounts:read"}}
	d.suite.Append("approval", "request", request, &approvalv1.RequestSubmitted{Content: content})
	d.suite.Append("approval", "grant", grant, &approvalv1.GrantActivated{RequestId: request, ApplicationId: first, Until: timestamppb.New(time.Now().Add(time.Hour))})
	d.suite.Append("identity", "organization", d.northwind, &identityv1.OrganizationVerified{Method: "register"})

	d.suite.Append("identity", "person", d.ben.ID, &identityv1.PersonDeprovisioned{Reason: "left"})
	d.suite.Append("identity", "person", d.paula.ID, &identityv1.PersonDeprovisioned{Reason: "left"})
	d.suite.Settle(t, d.at)
	d.Shown(d.tail(t))
	var app struct {
		State string
		Seats []string `json:"orphaned_seats"`
	}
	d.Call(&d.ana, "GET", "/v1/applications/"+first, nil).Into(&app)
	if app.State != "orphaned" || len(app.Seats) != 1 || app.Seats[0] != "backup_owner" {
		t.Errorf("after an owner left: %+v", app)
	}
	var shown struct {
		Seats    []struct{ Seat string }
		MyAccess string `json:"my_access"`
	}
	d.Call(&d.pam, "GET", "/v1/products/"+product, nil).Into(&shown)
	if len(shown.Seats) != 2 || shown.Seats[0].Seat != "listing_owner" || shown.Seats[1].Seat != "reviewer" {
		t.Errorf("after the product owner left: %v", shown.Seats)
	}
	d.Call(&d.ana, "GET", "/v1/products/"+product, nil).Into(&shown)
	if shown.MyAccess != "granted" {
		t.Errorf("my access: %s", shown.MyAccess)
	}
	// Ben returns, is named again and another leaves: what happened before must not count against him.
	back := d.suite.Append("identity", "person", d.ben.ID, &identityv1.PersonProvisioned{OrganizationId: d.northwind})
	d.Shown(back)
	d.Call(&d.ana, "POST", "/v1/applications/"+first+"/owners", body{"seat": "backup_owner", "person_id": d.ben.ID}).Wants(200, "")
	third := d.Call(&d.cleo, "POST", "/v1/applications", body{"name": "C", "purpose": "p", "environment": "sandbox", "backup_owner_id": d.ben.ID}).ID()
	d.suite.Append("identity", "organization", d.fabrikam, &identityv1.OrganizationClosed{Reason: "contract ended"})
	d.suite.Settle(t, d.at)

	d.at = d.suite.PoliciesChangeNothing(t, d.at, d.config, registry.New)
	d.suite.ViewsHold(t, d.at, registry.Views())
	d.Talk = d.suite.Talk(t, d.at)
	d.Shown(d.tail(t))
	for _, id := range []string{first, third} {
		if d.Call(&d.ana, "GET", "/v1/applications/"+id, nil).Into(&app); app.State != "active" {
			t.Errorf("after ben was named again: %+v", app)
		}
	}
	d.Call(&d.pam, "GET", "/v1/applications/"+second, nil).Into(&app)
	if app.State != "offboarded" {
		t.Errorf("after its organisation was closed: %+v", app)
	}
}
