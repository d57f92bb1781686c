package world

import (
	"context"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/services/chancery/internal/client"
)

// Names of the products, by slug of the contract.
type product struct {
	slug, name, purpose, class, audience string
	published                            bool
}

var products = []product{
	{"ledger", "Ledger", "Accounts, entries and payments of business customers", "partner", "partner", true},
	{"rates", "Exchange rates", "Reference rates of thirty currencies", "public", "public", true},
	{"cards", "Card issuing", "Cards for the customers of a partner", "sensitive", "partner", true},
	{"identity-check", "Identity check", "Whether a person is who they say", "sensitive", "partner", true},
	{"statements", "Statements", "Monthly statements and tax reports", "partner", "partner", true},
	{"branches", "Branches", "Where branches are and when they open", "public", "public", false},
}

// Cast is everybody signed in, by the part of the address before the @, and their ids.
type Cast struct {
	Portal        string
	People        map[string]*client.Person
	IDs           map[string]string
	Organizations map[string]string // slug to id
}

// Sign signs everybody in; organisations other than the provider are registered, verified and connected to their
// providers under idp by the platform's administrator first.
func Sign(ctx context.Context, portal, idp string) (*Cast, error) {
	c := &Cast{Portal: portal, People: map[string]*client.Person{}, IDs: map[string]string{}, Organizations: map[string]string{}}
	// At the very first start identity may still be learning of the platform's own organisation.
	err := c.sign(ctx, FirstAdministrator)
	for end := time.Now().Add(15 * time.Second); err != nil && time.Now().Before(end); err = c.sign(ctx, FirstAdministrator) {
		if pause(ctx) != nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	ines := c.People["ines"]
	var known struct {
		Items []struct{ ID, Name string } `json:"items"`
	}
	if err := ines.Get(ctx, "identity", "/v1/organizations", &known); err != nil {
		return nil, err
	}
	for _, o := range Organizations {
		for _, k := range known.Items {
			if k.Name == o.Name {
				c.Organizations[o.Slug] = k.ID
			}
		}
		if c.Organizations[o.Slug] != "" {
			continue
		}
		var made struct{ ID string }
		if err := ines.Post(ctx, "identity", "/v1/organizations", map[string]any{
			"name": o.Name, "kind": o.Kind, "contract": "MSA-" + o.Slug, "contract_ends_at": time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second),
		}, &made); err != nil {
			return nil, fmt.Errorf("register %s: %w", o.Name, err)
		}
		c.Organizations[o.Slug] = made.ID
		at := "/v1/organizations/" + made.ID
		if err := ines.Post(ctx, "identity", at+"/verify", map[string]any{"method": "register", "evidence": "extract of the trade register"}, nil); err != nil {
			return nil, fmt.Errorf("verify %s: %w", o.Name, err)
		}
		if err := ines.Post(ctx, "identity", at+"/single-sign-on", map[string]any{
			"issuer": idp + "/" + o.Slug, "client_id": "chancery", "domains": []string{o.Domain}, "group_roles": GroupRoles[o.Kind],
		}, nil); err != nil {
			return nil, fmt.Errorf("single sign-on of %s: %w", o.Name, err)
		}
	}
	for _, p := range People {
		if p.Email == "ines@meridian.example" {
			continue
		}
		if err := c.sign(ctx, p.Email); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Cast) sign(ctx context.Context, email string) error {
	p, err := client.SignIn(ctx, c.Portal, email)
	if err != nil {
		return err
	}
	var me struct{ Person struct{ ID string } }
	if err := p.Get(ctx, "identity", "/v1/me", &me); err != nil {
		return fmt.Errorf("who %s is: %w", email, err)
	}
	short := Short(email)
	c.People[short], c.IDs[short] = p, me.Person.ID
	return nil
}

// Short is the part of an address before the @.
func Short(email string) string {
	for i, r := range email {
		if r == '@' {
			return email[:i]
		}
	}
	return email
}

// Publish drafts, classifies, seats and publishes one product of the world, and returns its id and its version's.
func (c *Cast) Publish(ctx context.Context, slug string) (productID, versionID string, err error) {
	for _, p := range products {
		if p.slug == slug {
			document, err := Contracts.ReadFile("contracts/" + slug + ".yaml")
			if err != nil {
				return "", "", err
			}
			return c.publish(ctx, p, client.Document{Type: "application/yaml", Body: document})
		}
	}
	return "", "", fmt.Errorf("no product %s", slug)
}

// PublishContract publishes any contract as a product of a class for partners.
func (c *Cast) PublishContract(ctx context.Context, slug, name, class string, document client.Document) (productID, versionID string, err error) {
	return c.publish(ctx, product{slug, name, name, class, "partner", true}, document)
}

func (c *Cast) publish(ctx context.Context, p product, document client.Document) (productID, versionID string, err error) {
	tomas := c.People["tomas"]
	var made struct{ ID string }
	fail := func(what string, err error) (string, string, error) {
		return "", "", fmt.Errorf("%s: %s: %w", p.slug, what, err)
	}
	if err := tomas.Post(ctx, "registry", "/v1/products", map[string]any{"slug": p.slug, "name": p.name, "purpose": p.purpose}, &made); err != nil {
		return fail("draft", err)
	}
	at := "/v1/products/" + made.ID
	if err := tomas.Post(ctx, "registry", at+"/classify", map[string]any{"class": p.class, "reason": "by the data it gives out"}, nil); err != nil {
		return fail("classify", err)
	}
	for seat, who := range map[string]string{"product_owner": "tomas", "api_owner": "tomas", "listing_owner": "petra", "reviewer": "mara"} {
		if err := tomas.Post(ctx, "registry", at+"/seats", map[string]any{"seat": seat, "person_id": c.IDs[who]}, nil); err != nil {
			return fail("seat "+seat, err)
		}
	}
	if err := tomas.Post(ctx, "registry", at+"/audience", map[string]any{"audience": p.audience, "organization_ids": []string{}}, nil); err != nil {
		return fail("audience", err)
	}
	var version struct{ ID string }
	if err := tomas.Post(ctx, "registry", at+"/versions", document, &version); err != nil {
		return fail("submit", err)
	}
	if !p.published {
		return made.ID, version.ID, nil
	}
	if err := tomas.Post(ctx, "registry", "/v1/versions/"+version.ID+"/publish", map[string]any{}, nil); err != nil {
		return fail("publish version", err)
	}
	if err := tomas.Post(ctx, "registry", at+"/publish", map[string]any{"version_id": version.ID}, nil); err != nil {
		return fail("publish", err)
	}
	return made.ID, version.ID, nil
}
