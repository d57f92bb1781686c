package view

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

var organizations = projection.View{Name: "organizations", Version: 1, Schema: `
create table organizations (
	id text primary key, name text not null, kind text not null, verified boolean not null default false,
	suspended boolean not null default false, ended_at bigint not null default 0)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *identityv1.OrganizationRegistered:
			return projection.Exec(ctx, tx, `insert into organizations (id, name, kind) values ($1,$2,$3)`, id, f.Name, f.Kind)
		case *identityv1.OrganizationVerified:
			return projection.Exec(ctx, tx, `update organizations set verified=true where id=$1`, id)
		case *identityv1.OrganizationSuspended:
			return projection.Exec(ctx, tx, `update organizations set suspended=true where id=$1`, id)
		case *identityv1.OrganizationResumed:
			return projection.Exec(ctx, tx, `update organizations set suspended=false where id=$1`, id)
		case *identityv1.OrganizationClosed:
			return projection.Exec(ctx, tx, `update organizations set ended_at=$2 where id=$1`, id, r.Sequence)
		}
		return nil
	})}

// Organization is one organisation as approval knows it.
type Organization struct {
	ID        string `db:"id"`
	Name      string `db:"name"`
	Kind      string `db:"kind"`
	Verified  bool   `db:"verified"`
	Suspended bool   `db:"suspended"`
	// EndedAt is the position at which it was closed; 0 if it is not.
	EndedAt uint64 `db:"ended_at"`
}

// Organization is the organisation of this id; the zero Organization if nobody registered it.
func (r Rows) Organization(ctx context.Context, id string) (o Organization, err error) {
	_, err = r.One(ctx, &o, `select id, name, kind, verified, suspended, ended_at from organizations where id=$1`, id)
	return o, err
}
