package request

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// World is what approval knows of those concerned when it decides.
type World struct {
	Application  Application
	Organization Organization
	Product      Product
}

// Application is the application that shall have access.
type Application struct {
	ID, OrganizationID, Environment string
	// Owners are its accountable people who are here.
	Owners []string
	// Active is false for one that is unknown, suspended, disabled or offboarded.
	Active bool
}

// Organization is the application's organisation.
type Organization struct{ Open, Verified bool }

// Product is the product asked for.
type Product struct {
	ID, Class string
	// Offered is false unless it is published to an audience the organisation belongs to.
	Offered bool
	// Scopes are those of its published version.
	Scopes []string
}

// Submit asks for access.
type Submit struct {
	World         World
	RequesterID   string
	Scopes        []string
	Duration      time.Duration
	Justification string
	// Clauses are what the policy demands of this content.
	Clauses      []*approvalv1.Clause
	Policy       string
	Now          time.Time
	DecideBefore time.Time
}

// MaxDuration is the longest that access to a product of the class is granted for.
func MaxDuration(class string) time.Duration {
	switch class {
	case "public":
		return 365 * 24 * time.Hour
	case "partner":
		return 180 * 24 * time.Hour
	}
	return 90 * 24 * time.Hour
}

// Decide follows rules 1 to 4 and 8.
func (c Submit) Decide(s State) ([]aggregate.Event, error) {
	if s.Submitted {
		return nil, ErrAlreadySubmitted
	}
	if err := c.World.stands(); err != nil {
		return nil, err
	}
	content := c.Content()
	words := len([]rune(strings.TrimSpace(c.Justification)))
	switch {
	case !slices.Contains(c.World.Application.Owners, c.RequesterID):
		return nil, ErrNotOwner
	case len(content.Scopes) == 0:
		return nil, ErrNoScopes
	case c.Duration < time.Hour || c.Duration > MaxDuration(content.Class) || c.Duration%time.Second != 0:
		return nil, ErrDuration
	case words < 10 || words > 2000:
		return nil, ErrJustification
	case !c.DecideBefore.After(c.Now):
		return nil, ErrDeadline
	}
	for i, scope := range content.Scopes {
		if i > 0 && scope == content.Scopes[i-1] || strings.Contains(scope, "*") || !slices.Contains(c.World.Product.Scopes, scope) {
			return nil, ErrScope
		}
	}
	if err := Sound(c.Clauses); err != nil {
		return nil, err
	}
	barred := append([]string{c.RequesterID}, c.World.Application.Owners...)
	slices.Sort(barred)
	digest := Digest(content)
	facts := []aggregate.Event{&approvalv1.RequestSubmitted{
		Content: content, ContentDigest: digest, Justification: strings.TrimSpace(c.Justification),
		Clauses: c.Clauses, Policy: c.Policy, ApplicationId: content.ApplicationId, OrganizationId: content.OrganizationId,
		DecideBefore: timestamppb.New(c.DecideBefore), BarredPersonIds: slices.Compact(barred), RequesterId: c.RequesterID,
	}}
	if len(c.Clauses) == 0 {
		facts = append(facts, &approvalv1.RequestApproved{ContentDigest: digest, Content: content})
	}
	return facts, nil
}

// Content is exactly what is asked for, with the scopes in order.
func (c Submit) Content() *approvalv1.Content {
	return &approvalv1.Content{
		ApplicationId: c.World.Application.ID, OrganizationId: c.World.Application.OrganizationID, ProductId: c.World.Product.ID,
		Scopes: slices.Sorted(slices.Values(c.Scopes)), Environment: c.World.Application.Environment,
		DurationSeconds: uint64(c.Duration / time.Second), Class: c.World.Product.Class,
	}
}

// Sound refuses clauses that nobody or anybody could meet.
func Sound(clauses []*approvalv1.Clause) error {
	seen := map[string]bool{}
	for _, c := range clauses {
		known := c.Seat == OrganizationAdmin || c.Seat == ProductReviewer || c.Seat == SecurityReviewer
		if !known || seen[c.Seat] || c.Quorum < 1 {
			return ErrQuorum
		}
		seen[c.Seat] = true
	}
	return nil
}

// stands refuses when access could not be given to the application now, whoever approves.
func (w World) stands() error {
	switch {
	case w.Application.ID == "" || !w.Application.Active || len(w.Application.Owners) < 2:
		return ErrApplication
	case !w.Organization.Open:
		return ErrOrganization
	case w.Application.Environment != "sandbox" && !w.Organization.Verified:
		return ErrNotVerified
	case w.Product.ID == "" || !w.Product.Offered:
		return ErrProduct
	}
	return nil
}
