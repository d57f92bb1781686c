package product

import (
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// SetAudience says who may see the product once it is published.
type SetAudience struct {
	Audience string
	// Partners are the organisations that see it; none means every organisation of the audience.
	Partners []string
	// Known tells a partner organisation that is here from any other word.
	Known map[string]bool
}

// Decide follows rules 5 and 6.
func (c SetAudience) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	switch c.Audience {
	case "internal", "public":
		if len(c.Partners) > 0 {
			return nil, ErrAudience
		}
	case "partner":
	default:
		return nil, ErrAudience
	}
	if c.Audience == "public" && s.Class == "sensitive" {
		return nil, ErrSensitive
	}
	partners := slices.Sorted(slices.Values(c.Partners))
	if len(slices.Compact(slices.Clone(partners))) != len(partners) {
		return nil, ErrPartner
	}
	for _, id := range partners {
		if !c.Known[id] || strings.Contains(id, "*") {
			return nil, ErrPartner
		}
	}
	if c.Audience == s.Audience && slices.Equal(partners, s.Partners) {
		return nil, nil
	}
	return []aggregate.Event{&registryv1.ProductAudienceSet{Audience: c.Audience, OrganizationIds: partners}}, nil
}
