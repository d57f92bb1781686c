package view

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

var organizations = projection.View{Name: "organizations", Version: 1, Schema: `
create table organizations (
	id text primary key, name text not null, kind text not null, verified boolean not null default false,
	suspended boolean not null default false, closed_at bigint not null default 0, contract_ends_at timestamptz)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *identityv1.OrganizationRegistered:
			var ends *time.Time
			if f.ContractEndsAt != nil {
				t := f.ContractEndsAt.AsTime()
				ends = &t
			}
			return projection.Exec(ctx, tx, `insert into organizations (id, name, kind, contract_ends_at) values ($1,$2,$3,$4)`, id, f.Name, f.Kind, ends)
		case *identityv1.OrganizationVerified:
			return projection.Exec(ctx, tx, `update organizations set verified=true where id=$1`, id)
		case *identityv1.OrganizationSuspended:
			return projection.Exec(ctx, tx, `update organizations set suspended=true where id=$1`, id)
		case *identityv1.OrganizationResumed:
			return projection.Exec(ctx, tx, `update organizations set suspended=false where id=$1`, id)
		case *identityv1.OrganizationClosed:
			return projection.Exec(ctx, tx, `update organizations set closed_at=$2 where id=$1`, id, r.Sequence)
		}
		return nil
	})}

// Organization is one organisation as the registry knows it.
type Organization struct {
	ID             string     `db:"id"`
	Name           string     `db:"name"`
	Kind           string     `db:"kind"`
	Verified       bool       `db:"verified"`
	Open           bool       `db:"open"`
	ContractEndsAt *time.Time `db:"contract_ends_at"`
	// ClosedAt is the position at which it was closed; 0 if it is not.
	ClosedAt uint64 `db:"closed_at"`
}

// Organization is the organisation of this id; false if nobody registered it.
func (r Rows) Organization(ctx context.Context, id string) (o Organization, ok bool, err error) {
	ok, err = r.One(ctx, &o, `select id, name, kind, verified, not suspended and closed_at=0 as open, closed_at, contract_ends_at from organizations where id=$1`, id)
	projection.UTC(o.ContractEndsAt)
	return o, ok, err
}

// Partners are the ids of the partners that are not closed.
func (r Rows) Partners(ctx context.Context) (map[string]bool, error) {
	var ids []string
	err := r.Many(ctx, &ids, `select id from organizations where kind='partner' and closed_at=0`)
	known := make(map[string]bool, len(ids))
	for _, id := range ids {
		known[id] = true
	}
	return known, err
}
