package view

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Nothing personal is kept: only who belongs where, and whether they are still here and may act.
var people = projection.View{Name: "people", Version: 2, Schema: `
create table people (id text primary key, organization_id text not null, here boolean not null, left_at bigint not null default 0, locked boolean not null default false)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *identityv1.PersonProvisioned:
			return projection.Exec(ctx, tx, `insert into people (id, organization_id, here) values ($1,$2,true)
				on conflict (id) do update set organization_id=$2, here=true`, id, f.OrganizationId)
		case *identityv1.PersonLocked:
			return projection.Exec(ctx, tx, `update people set locked=true where id=$1`, id)
		case *identityv1.PersonUnlocked:
			return projection.Exec(ctx, tx, `update people set locked=false where id=$1`, id)
		case *identityv1.PersonDeprovisioned, *identityv1.PersonErased:
			return projection.Exec(ctx, tx, `update people set here=false, left_at=$2 where id=$1`, id, r.Sequence)
		}
		return nil
	})}

// Gone lists those of the reviewers of a request who have left since what their review rested on.
func (r Rows) Gone(ctx context.Context, request string) (ids []string, err error) {
	err = r.Many(ctx, &ids, `select p.id from requests q, jsonb_array_elements(q.reviews) v join people p on p.id=v->>'person_id'
		where q.id=$1 and p.left_at>(v->>'seen')::bigint order by p.id`, request)
	return ids, err
}
