package view

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

var grants = projection.View{Name: "grants", Version: 1, Schema: `
create table grants (
	id text primary key, request_id text not null, application_id text not null, organization_id text not null, product_id text not null,
	scopes text[] not null, environment text not null, class text not null, content_digest text not null, reviewer_ids text[] not null,
	state text not null default 'active', reason text not null default '', until timestamptz not null, activated_at timestamptz not null,
	ended_at timestamptz, position bigint not null, seen bigint not null);
create unique index on grants (position);
create index on grants (organization_id, position);
create index on grants (application_id);
create index on grants (until) where state='active'`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *approvalv1.GrantActivated:
			return projection.Exec(ctx, tx, `insert into grants (id, request_id, application_id, organization_id, product_id, scopes, environment, class,
				content_digest, reviewer_ids, until, activated_at, position, seen) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)`,
				id, f.RequestId, f.ApplicationId, f.OrganizationId, f.ProductId, append(pq.StringArray{}, f.Scopes...), f.Environment, f.Class,
				f.ContentDigest, append(pq.StringArray{}, f.ReviewerIds...), f.Until.AsTime(), r.Time, r.Sequence, r.Envelope.GetSeen())
		case *approvalv1.GrantNarrowed:
			return projection.Exec(ctx, tx, `update grants set scopes=$2 where id=$1`, id, append(pq.StringArray{}, f.Scopes...))
		case *approvalv1.GrantExpired:
			return projection.Exec(ctx, tx, `update grants set state='expired', ended_at=$2 where id=$1`, id, r.Time)
		case *approvalv1.GrantRevoked:
			return projection.Exec(ctx, tx, `update grants set state='revoked', reason=$3, ended_at=$2 where id=$1`, id, r.Time, f.Reason)
		}
		return nil
	})}

// Grant is one grant as it is shown.
type Grant struct {
	ID              string         `db:"id" json:"id"`
	RequestID       string         `db:"request_id" json:"request_id"`
	ApplicationID   string         `db:"application_id" json:"application_id"`
	ApplicationName string         `db:"application_name" json:"application_name"`
	OrganizationID  string         `db:"organization_id" json:"organization_id"`
	ProductID       string         `db:"product_id" json:"product_id"`
	ProductName     string         `db:"product_name" json:"product_name"`
	Scopes          pq.StringArray `db:"scopes" json:"scopes"`
	Environment     string         `db:"environment" json:"environment" enum:"sandbox,production"`
	Class           string         `db:"class" json:"class" enum:"public,partner,sensitive"`
	State           string         `db:"state" json:"state" enum:"active,expired,revoked"`
	Reason          string         `db:"reason" json:"reason,omitempty" doc:"Why it was revoked"`
	ContentDigest   string         `db:"content_digest" json:"content_digest"`
	ReviewerIDs     pq.StringArray `db:"reviewer_ids" json:"reviewer_ids" doc:"Who approved; none when the policy decided alone"`
	Until           time.Time      `db:"until" json:"until"`
	ActivatedAt     time.Time      `db:"activated_at" json:"activated_at"`
	EndedAt         *time.Time     `db:"ended_at" json:"ended_at,omitempty"`
	Position        uint64         `db:"position" json:"-"`
	ProviderID      string         `db:"provider_id" json:"-"`
}

const grant = `select g.id, g.request_id, g.application_id, coalesce(a.name, '') as application_name, g.organization_id, g.product_id,
	coalesce(p.name, '') as product_name, coalesce(p.organization_id, '') as provider_id, g.scopes, g.environment, g.class, g.state, g.reason,
	g.content_digest, g.reviewer_ids, g.until, g.activated_at, g.ended_at, g.position
	from grants g left join applications a on a.id=g.application_id left join products p on p.id=g.product_id `

// Grant is the grant of this id; false if nobody activated it.
func (r Rows) Grant(ctx context.Context, id string) (g Grant, ok bool, err error) {
	ok, err = r.One(ctx, &g, grant+`where g.id=$1`, id)
	projection.UTC(&g.Until, &g.ActivatedAt, g.EndedAt)
	return g, ok, err
}

// GrantFilter says which grants to list; an empty field is no condition.
type GrantFilter struct{ OrganizationID, ProviderID, ApplicationID, ProductID, State string }

// Grants lists grants, the newest first, those activated before the position if it is not 0.
func (r Rows) Grants(ctx context.Context, f GrantFilter, before uint64, limit int) ([]Grant, error) {
	var gs []Grant
	err := r.Many(ctx, &gs, grant+`where ($1='' or g.organization_id=$1) and ($2='' or p.organization_id=$2) and ($3='' or g.application_id=$3)
		and ($4='' or g.product_id=$4) and ($5='' or g.state=$5) and ($6=0 or g.position<$6) order by g.position desc limit $7`,
		f.OrganizationID, f.ProviderID, f.ApplicationID, f.ProductID, f.State, before, limit)
	for i := range gs {
		projection.UTC(&gs[i].Until, &gs[i].ActivatedAt, gs[i].EndedAt)
	}
	return gs, err
}

// ActiveOf are the ids of the active grants of an application, or of an organisation's, that rest on what was known
// before the position.
func (r Rows) ActiveOf(ctx context.Context, application, organization string, position uint64) (ids []string, err error) {
	err = r.Many(ctx, &ids, `select id from grants where ($1='' or application_id=$1) and ($2='' or organization_id=$2) and state='active' and seen<$3
		order by position`, application, organization, position)
	return ids, err
}
