package view

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var products = projection.View{Name: "products", Version: 1, Schema: `
create table products (
	id text primary key, organization_id text not null, slug text not null, name text not null, purpose text not null,
	class text not null default '', audience text not null default '', audience_organization_ids text[] not null default '{}',
	product_owner_id text not null default '', api_owner_id text not null default '', listing_owner_id text not null default '',
	reviewer_ids text[] not null default '{}', version_id text not null default '', version text not null default '',
	state text not null default 'draft', drafted_at timestamptz not null, published_at timestamptz);
create unique index on products (name, id)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *registryv1.ProductDrafted:
			return projection.Exec(ctx, tx, `insert into products (id, organization_id, slug, name, purpose, drafted_at) values ($1,$2,$3,$4,$5,$6)`,
				id, f.OrganizationId, f.Slug, f.Name, f.Purpose, r.Time)
		case *registryv1.ProductClassified:
			return projection.Exec(ctx, tx, `update products set class=$2 where id=$1`, id, f.Class)
		case *registryv1.ProductSeatAssigned:
			return seat(ctx, tx, id, f.Seat, f.PersonId, "")
		case *registryv1.ProductOrphaned:
			return seat(ctx, tx, id, f.Seat, "", f.PersonId)
		case *registryv1.ProductAudienceSet:
			return projection.Exec(ctx, tx, `update products set audience=$2, audience_organization_ids=$3 where id=$1`, id, f.Audience, append(pq.StringArray{}, f.OrganizationIds...))
		case *registryv1.ProductPublished:
			return projection.Exec(ctx, tx, `update products set state='published', version_id=$2, version=$3, published_at=$4 where id=$1`, id, f.VersionId, f.Version, r.Time)
		case *registryv1.ProductWithdrawn:
			return projection.Exec(ctx, tx, `update products set state='withdrawn' where id=$1`, id)
		case *registryv1.ProductRetired:
			return projection.Exec(ctx, tx, `update products set state='retired' where id=$1`, id)
		}
		return nil
	})}

// seat writes who takes a seat and who leaves it.
func seat(ctx context.Context, tx *sqlx.Tx, id, name, takes, leaves string) error {
	return projection.Exec(ctx, tx, `update products set
		product_owner_id=case when $2='product_owner' then $3 else product_owner_id end,
		api_owner_id=case when $2='api_owner' then $3 else api_owner_id end,
		listing_owner_id=case when $2='listing_owner' then $3 else listing_owner_id end,
		reviewer_ids=case when $2<>'reviewer' then reviewer_ids when $3<>'' then array_append(reviewer_ids, $3)
			else array_remove(reviewer_ids, $4) end where id=$1`, id, name, takes, leaves)
}

// Product is one product as it is listed.
type Product struct {
	ID             string         `db:"id" json:"id"`
	OrganizationID string         `db:"organization_id" json:"organization_id"`
	Slug           string         `db:"slug" json:"slug"`
	Name           string         `db:"name" json:"name"`
	Purpose        string         `db:"purpose" json:"purpose"`
	Class          string         `db:"class" json:"class" doc:"public, partner or sensitive; empty until classified"`
	Audience       string         `db:"audience" json:"audience" doc:"internal, partner or public; empty until said"`
	Partners       pq.StringArray `db:"audience_organization_ids" json:"-"`
	State          string         `db:"state" json:"state" enum:"draft,published,withdrawn,retired"`
	VersionID      string         `db:"version_id" json:"version_id,omitempty"`
	Version        string         `db:"version" json:"version,omitempty"`
	MyAccess       string         `db:"my_access" json:"my_access" enum:"none,requested,granted" doc:"What the caller's organisation has of it"`
	DraftedAt      time.Time      `db:"drafted_at" json:"drafted_at"`
	PublishedAt    *time.Time     `db:"published_at" json:"published_at,omitempty"`
	ProductOwnerID string         `db:"product_owner_id" json:"-"`
	APIOwnerID     string         `db:"api_owner_id" json:"-"`
	ListingOwnerID string         `db:"listing_owner_id" json:"-"`
	ReviewerIDs    pq.StringArray `db:"reviewer_ids" json:"-"`
}

// Seat is one seat of a product and who holds it.
type Seat struct {
	Seat     string `json:"seat" enum:"product_owner,api_owner,listing_owner,reviewer"`
	PersonID string `json:"person_id"`
}

// Seats names who holds each seat; an empty one is left out.
func (p Product) Seats() []Seat {
	all := []Seat{{"product_owner", p.ProductOwnerID}, {"api_owner", p.APIOwnerID}, {"listing_owner", p.ListingOwnerID}}
	for _, id := range p.ReviewerIDs {
		all = append(all, Seat{"reviewer", id})
	}
	return slices.DeleteFunc(all, func(s Seat) bool { return s.PersonID == "" })
}

// Reader is for whom products are listed.
type Reader struct {
	// OrganizationID is the reader's own.
	OrganizationID string
	// Drafts lets the reader see those of the own organisation that are not published.
	Drafts bool
}

// Sees tells whether the reader may know of the product.
func (r Reader) Sees(p Product) bool {
	own := p.OrganizationID == r.OrganizationID
	switch {
	case own && r.Drafts:
		return true
	case p.State != "published":
		return false
	case own || p.Audience == "public":
		return true
	}
	return p.Audience == "partner" && (len(p.Partners) == 0 || slices.Contains(p.Partners, r.OrganizationID))
}

const product = `select p.id, p.organization_id, p.slug, p.name, p.purpose, p.class, p.audience, p.audience_organization_ids, p.state, p.version_id,
	p.version, p.drafted_at, p.published_at, p.product_owner_id, p.api_owner_id, p.listing_owner_id, p.reviewer_ids,
	coalesce((select case when bool_or(a.state='granted') then 'granted' when bool_or(a.state='requested') then 'requested' end
		from accesses a where a.organization_id=$1 and a.product_id=p.id), 'none') as my_access from products p `

// Product is the product of this id as the reader sees it; false if nobody drafted it.
func (r Rows) Product(ctx context.Context, reader Reader, id string) (p Product, ok bool, err error) {
	ok, err = r.One(ctx, &p, product+`where p.id=$2`, reader.OrganizationID, id)
	projection.UTC(&p.DraftedAt, p.PublishedAt)
	return p, ok, err
}

// Products lists what the reader may know of, by name; those after name and id if id is not empty.
func (r Rows) Products(ctx context.Context, reader Reader, name, id string, limit int) ([]Product, error) {
	var ps []Product
	err := r.Many(ctx, &ps, product+`where (p.organization_id=$1 and $2 or p.state='published' and (p.organization_id=$1 or p.audience='public'
		or p.audience='partner' and (cardinality(p.audience_organization_ids)=0 or $1=any(p.audience_organization_ids))))
		and ($4='' or (p.name, p.id) > ($3, $4)) order by p.name, p.id limit $5`, reader.OrganizationID, reader.Drafts, name, id, limit)
	for i := range ps {
		projection.UTC(&ps[i].DraftedAt, ps[i].PublishedAt)
	}
	return ps, err
}
