// Package product is one API product: what it is called, who answers for it, who may see it.
//
// Rules:
//  1. A product is drafted once; its id is made of its organisation and slug, so a slug is taken once.
//  2. Nobody outside sees it before an explicit decision to publish it (B8, B10, B15).
//  3. It is published only with a class, an audience, its three seats filled by people who are here, and a published
//     version of its own (B11, B12, B13).
//  4. Each of the three seats is held by one person of its organisation; several may be reviewers.
//  5. An audience is internal, partner or public, and names partners by id, never by pattern (B7, B9).
//  6. A sensitive product has no public audience (B11).
//  7. When a person leaves, every seat they hold is orphaned, once (L12).
//  8. Limits on consumers' calls have names of their own, are per application or organisation, and are at least one call in
//     at most 31 days (E4).
//  9. Withdrawing hides it until it is published again; retiring is final.
package product

import (
	"errors"
	"maps"
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// The seats of a product. The first three are held by one person each.
const (
	ProductOwner = "product_owner"
	APIOwner     = "api_owner"
	ListingOwner = "listing_owner"
	Reviewer     = "reviewer"
)

// Seats are those that none may be empty of when the product is published.
var Seats = []string{ProductOwner, APIOwner, ListingOwner}

// Person is somebody who shall hold a seat, as the registry knows them when it decides.
type Person struct {
	ID             string
	OrganizationID string
	// Here is false for somebody unknown or gone.
	Here bool
}

// State is one product; its zero value is one that nobody drafted.
type State struct {
	Drafted                   bool
	Organization              string
	Slug, Name, Purpose       string
	Class                     string
	Holders                   map[string]string
	Reviewers                 []string
	Audience                  string
	Partners                  []string
	Published, Shown, Retired bool
	// VersionID and Version are those last published.
	VersionID, Version string
	Limits             []Limit
}

// Limit is at most so many calls of one consumer in a window.
type Limit struct {
	Name, Per            string
	Calls, WindowSeconds uint64
}

// Refusals.
var (
	ErrUnknown           = errors.New("no such product")
	ErrAlreadyDrafted    = errors.New("the organisation has a product of this name already")
	ErrSlug              = errors.New("a slug is 2 to 60 lower-case letters, digits and single hyphens, beginning with a letter")
	ErrName              = errors.New("a product needs a name of at most 100 characters")
	ErrPurpose           = errors.New("say what the product is for, in at most 2,000 characters")
	ErrOrganization      = errors.New("a product belongs to the provider")
	ErrClass             = errors.New("the class is public, partner or sensitive")
	ErrSeat              = errors.New("the seat is product_owner, api_owner, listing_owner or reviewer")
	ErrNotOfOrganization = errors.New("a seat is held by a person of the product's own organisation who is still here")
	ErrAudience          = errors.New("the audience is internal, partner or public; partners are named only for the audience partner")
	ErrPartner           = errors.New("an audience names partner organisations by id, each once")
	ErrSensitive         = errors.New("a sensitive product has no public audience")
	ErrNoClass           = errors.New("classify the product before publishing it")
	ErrNoAudience        = errors.New("say who may see the product before publishing it")
	ErrSeatEmpty         = errors.New("fill the seats of product owner, API owner and listing owner before publishing")
	ErrVersion           = errors.New("publish a version of this product first")
	ErrNotShown          = errors.New("the product is not published")
	ErrRetired           = errors.New("the product was retired, and that is final")
	ErrLimit             = errors.New("a limit has a name of its own of lower-case letters, digits and hyphens, is per application or organization, and allows 1 to 1,000,000,000 calls in a window of 1 second to 31 days; there are at most 4")
	ErrReason            = errors.New("say why, in at most 500 characters")
)

// OrganizationID is the organisation that provides it.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *registryv1.ProductDrafted:
		s.Drafted = true
		s.Organization, s.Slug, s.Name, s.Purpose = e.OrganizationId, e.Slug, e.Name, e.Purpose
	case *registryv1.ProductClassified:
		s.Class = e.Class
	case *registryv1.ProductSeatAssigned:
		if e.Seat == Reviewer {
			s.Reviewers = append(slices.Clone(s.Reviewers), e.PersonId)
			break
		}
		s.Holders = maps.Clone(s.Holders)
		if s.Holders == nil {
			s.Holders = map[string]string{}
		}
		s.Holders[e.Seat] = e.PersonId
	case *registryv1.ProductOrphaned:
		if e.Seat == Reviewer {
			s.Reviewers = slices.DeleteFunc(slices.Clone(s.Reviewers), func(id string) bool { return id == e.PersonId })
			break
		}
		s.Holders = maps.Clone(s.Holders)
		delete(s.Holders, e.Seat)
	case *registryv1.ProductAudienceSet:
		s.Audience, s.Partners = e.Audience, e.OrganizationIds
	case *registryv1.ProductLimitsSet:
		s.Limits = nil
		for _, l := range e.Limits {
			s.Limits = append(s.Limits, Limit{l.Name, l.Per, l.Calls, l.WindowSeconds})
		}
	case *registryv1.ProductPublished:
		s.Published, s.Shown = true, true
		s.VersionID, s.Version = e.VersionId, e.Version
	case *registryv1.ProductWithdrawn:
		s.Shown = false
	case *registryv1.ProductRetired:
		s.Shown, s.Retired = false, true
	}
	return s
}

// alive refuses what can only happen to a drafted product that was not retired.
func (s State) alive() error {
	switch {
	case !s.Drafted:
		return ErrUnknown
	case s.Retired:
		return ErrRetired
	}
	return nil
}

func reason(text string) error {
	if n := len([]rune(text)); n == 0 || n > 500 {
		return ErrReason
	}
	return nil
}
