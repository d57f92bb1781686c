package registry_test

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/registry"
)

// desk is a registry that runs, and the people who use it.
type desk struct {
	*servicetest.Talk
	suite  *servicetest.Suite
	at     *service.Running
	config service.Config
	ahead  *atomic.Int64 // how far the clock was moved on

	meridian, northwind, fabrikam     string
	paula, rita, pam                  principal.Principal // the provider's
	ana, ben, cleo, omar, kenji, dana principal.Principal // partners'
}

func open(t *testing.T) *desk {
	d := &desk{ahead: new(atomic.Int64)}
	d.suite = servicetest.New(t, func() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) })
	d.config = d.suite.Config(registry.Name, true)
	d.suite.Token(registry.Name, principal.Principal{ID: "x", Kind: principal.Person}) // publishes the portal's key
	d.at = d.suite.Start(registry.Name, d.config, registry.New)
	d.Talk = d.suite.Talk(t, d.at)
	d.meridian = d.organization("meridian", "provider")
	d.northwind = d.organization("northwind", "partner")
	d.fabrikam = d.organization("fabrikam", "partner")
	d.paula = d.person("paula", d.meridian, principal.ProductOwner, principal.APIOwner)
	d.rita = d.person("rita", d.meridian, principal.Reviewer)
	d.pam = d.person("pam", d.meridian, principal.PlatformAdmin)
	d.ana = d.person("ana", d.northwind, principal.AppOwner)
	d.ben = d.person("ben", d.northwind, principal.AppOwner)
	d.cleo = d.person("cleo", d.northwind, principal.AppOwner)
	d.omar = d.person("omar", d.northwind, principal.OrgAdmin)
	d.kenji = d.person("kenji", d.fabrikam, principal.AppOwner)
	d.dana = d.person("dana", d.fabrikam, principal.OrgAdmin)
	return d
}

func (d *desk) organization(name, kind string) string {
	id := uuid.NewString()
	d.Name(id, name)
	d.suite.Append("identity", "organization", id, &identityv1.OrganizationRegistered{Name: name, Kind: kind})
	return id
}

func (d *desk) person(name, organization string, roles ...string) principal.Principal {
	id := uuid.NewString()
	d.Name(id, name)
	at := d.suite.Append("identity", "person", id, &identityv1.PersonProvisioned{OrganizationId: organization, Issuer: "https://idp.example"})
	d.Shown(at)
	return principal.Principal{ID: id, Kind: principal.Person, Organization: organization, Roles: roles, Session: uuid.NewString(),
		SessionSeen: at, Seen: at, AMR: []string{"mfa"}, AuthTime: time.Now()}
}

type body map[string]any

func ledger(t *testing.T) []byte {
	t.Helper()
	document, err := os.ReadFile("internal/contract/testdata/ledger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// product drafts a product that lacks nothing but the decision to publish it.
func (d *desk) product(t *testing.T, slug, class, audience string, partners ...string) (product, version string) {
	product = d.Call(&d.paula, "POST", "/v1/products", body{"slug": slug, "name": strings.ToUpper(slug), "purpose": "see balances"}).ID()
	d.Name(product, slug)
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/classify", body{"class": class, "reason": "what it holds"}).ID()
	for seat, who := range map[string]principal.Principal{"product_owner": d.paula, "api_owner": d.paula, "listing_owner": d.pam, "reviewer": d.rita} {
		d.Call(&d.paula, "POST", "/v1/products/"+product+"/seats", body{"seat": seat, "person_id": who.ID}).ID()
	}
	said := body{"audience": audience}
	if len(partners) > 0 {
		said["organization_ids"] = partners
	}
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/audience", said).ID()
	d.Call(&d.paula, "POST", "/v1/products/"+product+"/limits", body{"limits": []body{{"name": "day", "per": "organization", "calls": 10_000, "window_seconds": 86_400}}}).ID()
	version = d.Call(&d.paula, "POST", "/v1/products/"+product+"/versions", ledger(t)).ID()
	d.Name(version, slug+" 1.4.0")
	d.Call(&d.paula, "POST", "/v1/versions/"+version+"/publish", nil).ID()
	return product, version
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
	log := d.suite.Log(registry.Name)
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
