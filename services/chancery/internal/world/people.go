// Package world is the demo world: who is in it and what they publish, told once for the identity provider, the seed and
// the personas page.
package world

import "embed"

// Contracts holds the OpenAPI documents of the six products.
//
//go:embed contracts/*.yaml
var Contracts embed.FS

// Organization is one organisation and the name of its issuer at the development identity provider.
type Organization struct {
	Slug   string
	Name   string
	Kind   string // provider | partner
	Domain string
}

// Person is one persona.
type Person struct {
	Name         string
	Email        string
	Organization string // slug
	Groups       []string
	// Task is what to try first, and Path where in the portal.
	Task string
	Path string
}

// Organizations are the provider and two partners.
var Organizations = []Organization{
	{Slug: "meridian", Name: "Meridian Bank", Kind: "provider", Domain: "meridian.example"},
	{Slug: "northwind", Name: "Northwind Traders", Kind: "partner", Domain: "northwind.example"},
	{Slug: "fabrikam", Name: "Fabrikam Pay", Kind: "partner", Domain: "fabrikam.example"},
}

// GroupRoles is how organisations of each kind map the groups claim of their provider to roles.
var GroupRoles = map[string]map[string]string{
	"provider": {
		"platform-admins":    "platform_admin",
		"product-owners":     "product_owner",
		"api-owners":         "api_owner",
		"reviewers":          "reviewer",
		"security-reviewers": "security_reviewer",
		"auditors":           "auditor",
	},
	"partner": {
		"org-admins": "org_admin",
		"app-owners": "app_owner",
		"viewers":    "viewer",
	},
}

// People are the twelve personas.
var People = []Person{
	{"Ines Duarte", "ines@meridian.example", "meridian", []string{"platform-admins"}, "Verify a partner organisation", "/organizations"},
	{"Tomas Lindqvist", "tomas@meridian.example", "meridian", []string{"product-owners", "api-owners"}, "Publish a new version of Ledger", "/catalogue"},
	{"Mara Okafor", "mara@meridian.example", "meridian", []string{"reviewers"}, "Review the request that waits for you", "/reviews"},
	{"Joris de Wit", "joris@meridian.example", "meridian", []string{"security-reviewers"}, "Review a request with a high-risk scope", "/reviews"},
	{"Anika Rao", "anika@meridian.example", "meridian", []string{"auditors"}, "Verify a record in the audit log", "/audit"},
	{"Petra Novak", "petra@meridian.example", "meridian", []string{"product-owners"}, "See who uses Card issuing", "/catalogue"},
	{"Noor Haddad", "noor@northwind.example", "northwind", []string{"app-owners", "org-admins"}, "Issue a key for Ledger Sync", "/applications"},
	{"Sam Whitlock", "sam@northwind.example", "northwind", []string{"app-owners"}, "Rotate the key of Treasury Board", "/applications"},
	{"Lucia Ferri", "lucia@northwind.example", "northwind", []string{"org-admins"}, "Approve a production request of your people", "/reviews"},
	{"Kenji Mori", "kenji@fabrikam.example", "fabrikam", []string{"app-owners"}, "Request access to Card issuing", "/catalogue"},
	{"Dana Brook", "dana@fabrikam.example", "fabrikam", []string{"org-admins"}, "See what Fabrikam can reach", "/applications"},
	{"Ruth Alvarez", "ruth@fabrikam.example", "fabrikam", []string{"app-owners", "viewers"}, "Take a credential out of use", "/applications"},
}
