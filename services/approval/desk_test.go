package approval_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
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
