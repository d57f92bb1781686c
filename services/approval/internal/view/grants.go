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

var grants = projection.View{Name: "grants", Version: 2, Schema: `
create table grants (
	id text primary key, request_id text not null, application_id text not null, organization_id text not null, product_id text not null,
	scopes text[] not null, environment text not null, class text not null, content_digest text not null, reviewer_ids text[] not null,
	state text not null default 'active', reason text not null default '', until timestamptz not null, activated_at timestamptz not null,
	ended_at timestamptz, position bigint not null, seen bigint not null,
	kept_scopes text[] not null default '{}', unused_scopes text[] not null default '{}', observed_from timestamptz, observed_to timestamptz,
	shadow_until timestamptz, undo_until timestamptz, watched_from timestamptz not null);
create unique index on grants (position);
create index on grants (organization_id, position);
create index on grants (application_id);
create index on grants (until) where state='active'`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *approvalv1.GrantActivated:
			return projection.Exec(ctx, tx, `insert into grants (id, request_id, application_id, organization_id, product_id, scopes, environment, class,
				content_digest, reviewer_ids, until, activated_at, position, seen, watched_from) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$12)`,
				id, f.RequestId, f.ApplicationId, f.OrganizationId, f.ProductId, append(pq.StringArray{}, f.Scopes...), f.Environment, f.Class,
				f.ContentDigest, append(pq.StringArray{}, f.ReviewerIds...), f.Until.AsTime(), r.Time, r.Sequence, r.Envelope.GetSeen())
		case *approvalv1.GrantNarrowed:
			var undo *time.Time
			if f.UndoUntil != nil {
				at := f.UndoUntil.AsTime()
				undo = &at
			}
			return projection.Exec(ctx, tx, `update grants set scopes=$2, undo_until=$3, `+noProposal+` where id=$1`, id, append(pq.StringArray{}, f.Scopes...), undo)
		case *approvalv1.GrantShrinkProposed:
			return projection.Exec(ctx, tx, `update grants set kept_scopes=$2, unused_scopes=$3, observed_from=$4, observed_to=$5, shadow_until=$6 where id=$1`, id,
				append(pq.StringArray{}, f.KeptScopes...), append(pq.StringArray{}, f.UnusedScopes...), f.ObservedFrom.AsTime(), f.ObservedTo.AsTime(), f.ShadowUntil.AsTime())
		case *approvalv1.GrantShrinkDismissed:
			return projection.Exec(ctx, tx, `update grants set watched_from=$2, `+noProposal+` where id=$1`, id, r.Time)
		case *approvalv1.GrantRestored:
			return projection.Exec(ctx, tx, `update grants set scopes=$2, undo_until=null, watched_from=$3, `+noProposal+` where id=$1`, id, append(pq.StringArray{}, f.Scopes...), r.Time)
		case *approvalv1.GrantExpired:
			return projection.Exec(ctx, tx, `update grants set state='expired', ended_at=$2 where id=$1`, id, r.Time)
		case *approvalv1.GrantRevoked:
			return projection.Exec(ctx, tx, `update grants set state='revoked', reason=$3, ended_at=$2 where id=$1`, id, r.Time, f.Reason)
		}
		return nil
	})}

const noProposal = `kept_scopes='{}', unused_scopes='{}', observed_from=null, observed_to=null, shadow_until=null`

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
	KeptScopes      pq.StringArray `db:"kept_scopes" json:"kept_scopes,omitempty" doc:"What a proposal to narrow it keeps"`
	UnusedScopes    pq.StringArray `db:"unused_scopes" json:"unused_scopes,omitempty" doc:"What it would take away, because it was not used"`
	ObservedFrom    *time.Time     `db:"observed_from" json:"observed_from,omitempty"`
	ObservedTo      *time.Time     `db:"observed_to" json:"observed_to,omitempty"`
	ShadowUntil     *time.Time     `db:"shadow_until" json:"shadow_until,omitempty" doc:"When the proposal lapses; until then authorizers count what it would deny"`
	UndoUntil       *time.Time     `db:"undo_until" json:"undo_until,omitempty" doc:"Until when a narrowing that followed a proposal can be taken back"`
}

const grant = `select g.id, g.request_id, g.application_id, coalesce(a.name, '') as application_name, g.organization_id, g.product_id,
	coalesce(p.name, '') as product_name, coalesce(p.organization_id, '') as provider_id, g.scopes, g.environment, g.class, g.state, g.reason,
	g.content_digest, g.reviewer_ids, g.until, g.activated_at, g.ended_at, g.position,
	g.kept_scopes, g.unused_scopes, g.observed_from, g.observed_to, g.shadow_until, g.undo_until
	from grants g left join applications a on a.id=g.application_id left join products p on p.id=g.product_id `

// Grant is the grant of this id; false if nobody activated it.
func (r Rows) Grant(ctx context.Context, id string) (g Grant, ok bool, err error) {
	ok, err = r.One(ctx, &g, grant+`where g.id=$1`, id)
	g.utc()
	return g, ok, err
}

func (g *Grant) utc() {
	projection.UTC(&g.Until, &g.ActivatedAt, g.EndedAt, g.ObservedFrom, g.ObservedTo, g.ShadowUntil, g.UndoUntil)
}

// GrantFilter says which grants to list; an empty field is no condition.
type GrantFilter struct {
	OrganizationID, ProviderID, ApplicationID, ProductID, State string
	// Proposed are those with an open proposal alone.
	Proposed bool
}

// Grants lists grants, the newest first, those activated before the position if it is not 0.
func (r Rows) Grants(ctx context.Context, f GrantFilter, before uint64, limit int) ([]Grant, error) {
	var gs []Grant
	err := r.Many(ctx, &gs, grant+`where ($1='' or g.organization_id=$1) and ($2='' or p.organization_id=$2) and ($3='' or g.application_id=$3)
		and ($4='' or g.product_id=$4) and ($5='' or g.state=$5) and ($6=0 or g.position<$6)
		and (not $8 or cardinality(g.unused_scopes)>0 and g.state='active') order by g.position desc limit $7`,
		f.OrganizationID, f.ProviderID, f.ApplicationID, f.ProductID, f.State, before, limit, f.Proposed)
	for i := range gs {
		gs[i].utc()
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

// Watched is a grant whose use is to be looked at.
type Watched struct {
	ID            string         `db:"id"`
	ApplicationID string         `db:"application_id"`
	ProductID     string         `db:"product_id"`
	Class         string         `db:"class"`
	Unused        pq.StringArray `db:"unused_scopes"`
	ObservedFrom  *time.Time     `db:"observed_from"`
	WatchedFrom   time.Time      `db:"watched_from"`
}

// Watched lists the active grants with more than one scope or an open proposal, by id, those after an id.
func (r Rows) Watched(ctx context.Context, after string, limit int) (ws []Watched, err error) {
	err = r.Many(ctx, &ws, `select id, application_id, product_id, class, unused_scopes, observed_from, watched_from from grants
		where state='active' and (cardinality(scopes)>1 or cardinality(unused_scopes)>0) and id>$1 order by id limit $2`, after, limit)
	for i := range ws {
		projection.UTC(&ws[i].WatchedFrom, ws[i].ObservedFrom)
	}
	return ws, err
}
