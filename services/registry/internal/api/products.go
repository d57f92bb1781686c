package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/registry/internal/product"
	"github.com/chancery-dev/chancery/services/registry/internal/view"
)

type productKey struct{ Name, ID string }

func (s *Service) listProducts(ctx context.Context, in struct{ endpoint.Paging }) (endpoint.Answer[endpoint.Page[view.Product]], error) {
	var after productKey
	if err := in.Cursor(&after); err != nil {
		return endpoint.Answer[endpoint.Page[view.Product]]{}, err
	}
	rows, err := s.Views.Now().Products(ctx, readerOf(principal.Caller(ctx)), after.Name, after.ID, in.Fetch())
	return endpoint.List(in.Paging, rows, func(p view.Product) any { return productKey{p.Name, p.ID} }), err
}

type draftRequest struct {
	Body struct {
		Slug    string `json:"slug" minLength:"2" maxLength:"60" doc:"Lower-case letters, digits and hyphens; taken once in the organisation"`
		Name    string `json:"name" minLength:"1" maxLength:"100"`
		Purpose string `json:"purpose" minLength:"1" maxLength:"2000"`
	}
}

// productID makes the uniqueness of a slug in its organisation that of an id.
func productID(organization, slug string) (string, error) {
	space, err := uuid.Parse(organization)
	return uuid.NewSHA1(space, []byte(slug)).String(), err
}

func (s *Service) draftProduct(ctx context.Context, in draftRequest) (endpoint.Answer[endpoint.Receipt], error) {
	caller := principal.Caller(ctx)
	id, err := productID(caller.Organization, in.Body.Slug)
	if err != nil {
		return endpoint.Answer[endpoint.Receipt]{}, product.ErrOrganization
	}
	out, err := decide(ctx, s, s.Products, id, 0, func(ctx context.Context, rows view.Rows) (aggregate.Command[product.State], error) {
		o, _, err := rows.Organization(ctx, caller.Organization)
		return product.Draft{Slug: in.Body.Slug, Name: in.Body.Name, Purpose: in.Body.Purpose,
			Organization: product.Organization{ID: o.ID, Kind: o.Kind}}, err
	})
	return done(id, out, err)
}

// ProductDetail is one product with all that is said of it.
type ProductDetail struct {
	view.Product
	Seats           []view.Seat           `json:"seats,omitempty" doc:"Who holds each seat"`
	OrganizationIDs []string              `json:"audience_organization_ids,omitempty" doc:"Partners that see it; none means every one of the audience"`
	BasePath        string                `json:"base_path" doc:"Path under which the gateway serves it"`
	Scopes          []view.Scope          `json:"scopes"`
	Operations      []view.Operation      `json:"operations"`
	Limits          []view.Limit          `json:"limits" doc:"How much each consumer may call it"`
	Versions        []view.VersionSummary `json:"versions" doc:"The newest twenty"`
	Allowed         endpoint.Allowed      `json:"allowed"`
}

func (s *Service) showProduct(ctx context.Context, in Object) (endpoint.Answer[ProductDetail], error) {
	caller := principal.Caller(ctx)
	reader, rows := readerOf(caller), s.Views.Now()
	row, _, err := rows.Product(ctx, reader, in.ID)
	if err != nil {
		return endpoint.Answer[ProductDetail]{}, err
	}
	d := ProductDetail{Product: row}
	own := row.OrganizationID == caller.Organization
	if own {
		// Names of the provider's people and of other partners are the provider's business.
		d.Seats, d.OrganizationIDs = row.Seats(), row.Partners
	}
	if d.Limits, err = rows.Limits(ctx, in.ID); err != nil {
		return endpoint.Answer[ProductDetail]{}, err
	}
	if d.Versions, err = rows.Versions(ctx, in.ID, own && reader.Drafts, 0, 20); err != nil {
		return endpoint.Answer[ProductDetail]{}, err
	}
	if row.VersionID != "" {
		v, _, err := rows.Version(ctx, row.VersionID)
		if err != nil {
			return endpoint.Answer[ProductDetail]{}, err
		}
		d.BasePath, d.Scopes, d.Operations = v.BasePath, v.Scopes, v.Operations
	}
	d.Allowed, err = s.allowedOnProduct(ctx, caller, in.ID)
	return endpoint.OK(d), err
}

func (s *Service) allowedOnProduct(ctx context.Context, p principal.Principal, id string) (endpoint.Allowed, error) {
	state, _, err := s.Products.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	var foreign error
	if state.Organization != p.Organization {
		foreign = errReach
	}
	would := func(c aggregate.Command[product.State]) func() error {
		return func() error { _, err := c.Decide(state); return err }
	}
	retired := would(product.Retire{Reason: "x"})
	return endpoint.Allowed{
		"classify":       verdict(p, classifyProduct, foreign, retired),
		"assign_seat":    verdict(p, assignSeat, foreign, retired),
		"set_audience":   verdict(p, setAudience, foreign, retired),
		"set_limits":     verdict(p, limitProduct, foreign, retired),
		"submit_version": verdict(p, submitVersion, foreign, retired),
		"publish":        verdict(p, publishProduct, foreign, state.Publishable),
		"withdraw":       verdict(p, withdrawProduct, foreign, would(product.Withdraw{Reason: "x"})),
		"retire":         verdict(p, retireProduct, foreign, retired),
	}, nil
}

type classifyRequest struct {
	Object
	Body struct {
		Class  string `json:"class" enum:"public,partner,sensitive"`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

func (s *Service) classifyProduct(ctx context.Context, in classifyRequest) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := s.Products.Handle(ctx, in.ID, product.Classify{Class: in.Body.Class, Reason: in.Body.Reason})
	return done(in.ID, out, err)
}

type seatRequest struct {
	Object
	Body struct {
		Seat     string `json:"seat" enum:"product_owner,api_owner,listing_owner,reviewer"`
		PersonID string `json:"person_id" minLength:"1" maxLength:"64"`
	}
}

func (s *Service) assignSeat(ctx context.Context, in seatRequest) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := decide(ctx, s, s.Products, in.ID, 0, func(ctx context.Context, rows view.Rows) (aggregate.Command[product.State], error) {
		p, err := rows.Person(ctx, in.Body.PersonID)
		return product.AssignSeat{Seat: in.Body.Seat, Person: product.Person{ID: p.ID, OrganizationID: p.OrganizationID, Here: p.Here}}, err
	})
	return done(in.ID, out, err)
}

type audienceRequest struct {
	Object
	Body struct {
		Audience        string   `json:"audience" enum:"internal,partner,public"`
		OrganizationIDs []string `json:"organization_ids,omitempty" maxItems:"500" doc:"Partners that see it; none means every one of the audience"`
	}
}

func (s *Service) setAudience(ctx context.Context, in audienceRequest) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := decide(ctx, s, s.Products, in.ID, 0, func(ctx context.Context, rows view.Rows) (aggregate.Command[product.State], error) {
		known, err := rows.Partners(ctx)
		return product.SetAudience{Audience: in.Body.Audience, Partners: in.Body.OrganizationIDs, Known: known}, err
	})
	return done(in.ID, out, err)
}

type publishRequest struct {
	Object
	Body struct {
		VersionID string `json:"version_id" minLength:"1" maxLength:"64"`
	}
}

func (s *Service) publishProduct(ctx context.Context, in publishRequest) (endpoint.Answer[endpoint.Receipt], error) {
	// The version may have been published a moment ago: its own tail is part of what must have been seen.
	_, tail, err := s.Versions.Load(ctx, in.Body.VersionID)
	if err != nil {
		return endpoint.Answer[endpoint.Receipt]{}, err
	}
	out, err := decide(ctx, s, s.Products, in.ID, tail, func(ctx context.Context, rows view.Rows) (aggregate.Command[product.State], error) {
		v, _, err := rows.Version(ctx, in.Body.VersionID)
		published := v.State == "published" || v.State == "deprecated"
		return product.Publish{ProductID: in.ID, Version: product.Version{ID: v.ID, ProductID: v.ProductID, Version: v.Version, Published: published}}, err
	})
	return done(in.ID, out, err)
}

func (s *Service) withdrawProduct(ctx context.Context, in Reasoned) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := s.Products.Handle(ctx, in.ID, product.Withdraw{Reason: in.Body.Reason})
	return done(in.ID, out, err)
}

func (s *Service) retireProduct(ctx context.Context, in Reasoned) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := s.Products.Handle(ctx, in.ID, product.Retire{Reason: in.Body.Reason})
	return done(in.ID, out, err)
}

var errContract = problem.New(problem.Invalid, "contract_invalid", "The contract was refused.")
