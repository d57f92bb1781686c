package world

import (
	"net/url"
	"strings"

	"github.com/chancery-dev/chancery/services/devidp"
	"github.com/chancery-dev/chancery/services/portal"
)

// ClientID is what the platform is called at every issuer of the development provider.
const ClientID = "chancery"

// FirstAdministrator administers the platform from the first start on.
const FirstAdministrator = "ines@meridian.example"

// Directory is everybody, as the development provider knows them; callback is where it sends browsers back to.
func Directory(callback string) []devidp.Organization {
	var all []devidp.Organization
	for _, o := range Organizations {
		org := devidp.Organization{Slug: o.Slug, Name: o.Name, ClientID: ClientID, RedirectURIs: []string{callback}}
		for _, p := range People {
			if p.Organization == o.Slug {
				org.People = append(org.People, devidp.Person{Name: p.Name, Email: p.Email, Groups: p.Groups, Factor: devidp.FactorCode})
			}
		}
		all = append(all, org)
	}
	return all
}

// Personas is everybody, as the portal's page of personas lists them.
func Personas() []portal.Persona {
	var all []portal.Persona
	for _, o := range Organizations {
		for _, p := range People {
			if p.Organization != o.Slug {
				continue
			}
			all = append(all, portal.Persona{
				Name: p.Name, Email: p.Email, Role: RolesOf(p), Organization: o.Name, Task: p.Task, TaskURL: p.Path,
				SignInURL: "/auth/start?email=" + url.QueryEscape(p.Email) + "&return_to=" + url.QueryEscape(p.Path),
			})
		}
	}
	return all
}

// RolesOf is what a person's groups make them, in words.
func RolesOf(p Person) string {
	var roles []string
	for _, g := range p.Groups {
		role := GroupRoles["provider"][g] + GroupRoles["partner"][g]
		roles = append(roles, strings.ReplaceAll(role, "_", " "))
	}
	return strings.Join(roles, ", ")
}
