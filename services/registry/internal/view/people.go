package view

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Nothing personal is kept: only who belongs where, and whether they are still here.
var people = projection.View{Name: "people", Version: 1, Schema: `
create table people (id text primary key, organization_id text not null, here boolean not null, left_at bigint not null default 0)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *identityv1.PersonProvisioned:
			return projection.Exec(ctx, tx, `insert into people (id, organization_id, here) values ($1,$2,true)
				on conflict (id) do update set organization_id=$2, here=true`, id, f.OrganizationId)
		case *identityv1.PersonDeprovisioned, *identityv1.PersonErased:
			return projection.Exec(ctx, tx, `update people set here=false, left_at=$2 where id=$1`, id, r.Sequence)
		}
		return nil
	})}

// Person is one person as the registry knows them.
type Person struct {
	ID             string `db:"id"`
	OrganizationID string `db:"organization_id"`
	Here           bool   `db:"here"`
	// LeftAt is the position at which they left last; 0 if they never did.
	LeftAt uint64 `db:"left_at"`
}

// Person is the person of this id; the zero Person if nobody is.
func (r Rows) Person(ctx context.Context, id string) (p Person, err error) {
	_, err = r.One(ctx, &p, `select id, organization_id, here, left_at from people where id=$1`, id)
	return p, err
}
