package product

import (
	"regexp"
	"strings"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var slug = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Organization is who shall provide the product, as the registry knows it when it decides.
type Organization struct {
	ID string
	// Kind is provider or partner.
	Kind string
}

// Draft begins a product that nobody outside sees.
type Draft struct {
	Slug, Name, Purpose string
	Organization        Organization
}

// Decide follows rule 1.
func (c Draft) Decide(s State) ([]aggregate.Event, error) {
	name, purpose := strings.TrimSpace(c.Name), strings.TrimSpace(c.Purpose)
	switch {
	case s.Drafted:
		return nil, ErrAlreadyDrafted
	case len(c.Slug) < 2 || len(c.Slug) > 60 || !slug.MatchString(c.Slug):
		return nil, ErrSlug
	case name == "" || len([]rune(name)) > 100:
		return nil, ErrName
	case purpose == "" || len([]rune(purpose)) > 2000:
		return nil, ErrPurpose
	case c.Organization.ID == "" || c.Organization.Kind != "provider":
		return nil, ErrOrganization
	}
	return []aggregate.Event{&registryv1.ProductDrafted{Slug: c.Slug, Name: name, Purpose: purpose, OrganizationId: c.Organization.ID}}, nil
}
