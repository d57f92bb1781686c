package view

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var limits = projection.View{Name: "limits", Version: 1, Schema: `
create table limits (
	product_id text not null, place integer not null, name text not null, per text not null, calls bigint not null, window_seconds bigint not null,
	primary key (product_id, place))`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, _ eventlog.Recorded, id string, fact aggregate.Event) error {
		f, ok := fact.(*registryv1.ProductLimitsSet)
		if !ok {
			return nil
		}
		if err := projection.Exec(ctx, tx, `delete from limits where product_id=$1`, id); err != nil {
			return err
		}
		for i, l := range f.Limits {
			if err := projection.Exec(ctx, tx, `insert into limits (product_id, place, name, per, calls, window_seconds) values ($1,$2,$3,$4,$5,$6)`,
				id, i, l.Name, l.Per, l.Calls, l.WindowSeconds); err != nil {
				return err
			}
		}
		return nil
	})}

// Limit is at most so many calls of one consumer in a window.
type Limit struct {
	Name          string `db:"name" json:"name" pattern:"^[a-z][a-z0-9-]{0,29}$" doc:"What consumers see in RateLimit headers"`
	Per           string `db:"per" json:"per" enum:"application,organization"`
	Calls         uint64 `db:"calls" json:"calls" minimum:"1" maximum:"1000000000"`
	WindowSeconds uint64 `db:"window_seconds" json:"window_seconds" minimum:"1" maximum:"2678400" doc:"Windows follow each other from the beginning of 1970, UTC"`
}

// Limits are those of a product, in the order they were set.
func (r Rows) Limits(ctx context.Context, product string) (ls []Limit, err error) {
	err = r.Many(ctx, &ls, `select name, per, calls, window_seconds from limits where product_id=$1 order by place`, product)
	return ls, err
}
