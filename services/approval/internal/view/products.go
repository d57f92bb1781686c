package view

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var products = projection.View{Name: "products", Version: 1, Schema: `
create table products (
	id text primary key, organization_id text not null, slug text not null, name text not null, class text not null default '',
	audience text not null default '', audience_organization_ids text[] not null default '{}', reviewer_ids text[] not null default '{}',
	version_id text not null default '', shown boolean not null default false)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, _ eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *registryv1.ProductDrafted:
			return projection.Exec(ctx, tx, `insert into products (id, organization_id, slug, name) values ($1,$2,$3,$4)`, id, f.OrganizationId, f.Slug, f.Name)
		case *registryv1.ProductClassified:
			return projection.Exec(ctx, tx, `update products set class=$2 where id=$1`, id, f.Class)
		case *registryv1.ProductSeatAssigned:
			if f.Seat == "reviewer" {
				return projection.Exec(ctx, tx, `update products set reviewer_ids=array_append(array_remove(reviewer_ids, $2), $2) where id=$1`, id, f.PersonId)
			}
		case *registryv1.ProductOrphaned:
			if f.Seat == "reviewer" {
				return projection.Exec(ctx, tx, `update products set reviewer_ids=array_remove(reviewer_ids, $2) where id=$1`, id, f.PersonId)
			}
		case *registryv1.ProductAudienceSet:
			return projection.Exec(ctx, tx, `update products set audience=$2, audience_organization_ids=$3 where id=$1`, id, f.Audience,
				append(pq.StringArray{}, f.OrganizationIds...))
		case *registryv1.ProductPublished:
			return projection.Exec(ctx, tx, `update products set shown=true, version_id=$2 where id=$1`, id, f.VersionId)
		case *registryv1.ProductWithdrawn, *registryv1.ProductRetired:
			return projection.Exec(ctx, tx, `update products set shown=false where id=$1`, id)
		}
		return nil
	})}

// Product is one product as approval knows it.
type Product struct {
	ID             string         `db:"id"`
	OrganizationID string         `db:"organization_id"`
	Class          string         `db:"class"`
	Audience       string         `db:"audience"`
	Partners       pq.StringArray `db:"audience_organization_ids"`
	VersionID      string         `db:"version_id"`
	Shown          bool           `db:"shown"`
}

// Offered tells whether the organisation may ask for the product.
func (p Product) Offered(organization string) bool {
	switch {
	case !p.Shown:
		return false
	case p.Audience == "public" || p.OrganizationID == organization:
		return true
	}
	return p.Audience == "partner" && (len(p.Partners) == 0 || slices.Contains(p.Partners, organization))
}

// Product is the product of this id; the zero Product if nobody drafted it.
func (r Rows) Product(ctx context.Context, id string) (p Product, err error) {
	_, err = r.One(ctx, &p, `select id, organization_id, class, audience, audience_organization_ids, version_id, shown from products where id=$1`, id)
	return p, err
}
