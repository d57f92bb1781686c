package view

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
)

// uses is when each scope of a product was used by an application, as authorizers told of it.
var uses = projection.View{Name: "uses", Version: 1, Schema: `
create table uses (
	application_id text not null, product_id text not null, scope text not null, calls bigint not null, would_deny bigint not null,
	first_used_at timestamptz not null, last_used_at timestamptz not null, primary key (application_id, product_id, scope))`,
	Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		for _, r := range batch {
			for _, fact := range r.Facts {
				f, ok := fact.(*activityv1.UsageWindow)
				if !ok {
					continue
				}
				for scope, calls := range f.CallsByScope {
					if err := projection.Exec(ctx, tx, `insert into uses (application_id, product_id, scope, calls, would_deny, first_used_at, last_used_at)
						values ($1,$2,$3,$4,$5,$6,$7) on conflict (application_id, product_id, scope) do update set calls=uses.calls+$4,
						would_deny=uses.would_deny+$5, first_used_at=least(uses.first_used_at, $6), last_used_at=greatest(uses.last_used_at, $7)`,
						f.ApplicationId, f.ProductId, scope, calls, f.WouldDeny[scope], f.FirstAt.AsTime(), f.LastAt.AsTime()); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}}

// Use is what an application did with one scope of a product.
type Use struct {
	Scope       string    `db:"scope" json:"scope"`
	Calls       uint64    `db:"calls" json:"calls"`
	WouldDeny   uint64    `db:"would_deny" json:"would_deny" doc:"Calls that proposals to narrow the grant would have denied"`
	FirstUsedAt time.Time `db:"first_used_at" json:"first_used_at"`
	LastUsedAt  time.Time `db:"last_used_at" json:"last_used_at"`
}

// Uses are those of an application and a product, by scope.
func (r Rows) Uses(ctx context.Context, application, product string) (us []Use, err error) {
	err = r.Many(ctx, &us, `select scope, calls, would_deny, first_used_at, last_used_at from uses where application_id=$1 and product_id=$2 order by scope`, application, product)
	for i := range us {
		projection.UTC(&us[i].FirstUsedAt, &us[i].LastUsedAt)
	}
	return us, err
}

// UsedSince are the scopes of a product that an application used at a time or later.
func (r Rows) UsedSince(ctx context.Context, application, product string, since time.Time) (scopes []string, err error) {
	err = r.Many(ctx, &scopes, `select scope from uses where application_id=$1 and product_id=$2 and last_used_at>=$3`, application, product, since)
	return scopes, err
}
