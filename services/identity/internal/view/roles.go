package view

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Roles is who holds which role where, since when and by what.
var Roles = projection.View{
	Name: "roles", Version: 1,
	Schema: `create table roles (
		organization_id text not null,
		person_id text not null,
		role text not null,
		origin text not null,
		granted_at timestamptz not null,
		primary key (organization_id, person_id, role)
	);
	create index roles_by_person on roles (person_id)`,
	Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		return each(batch, func(r eventlog.Recorded, fact aggregate.Event) (err error) {
			id := r.Envelope.GetSubject().GetId()
			switch e := fact.(type) {
			case *identityv1.OrganizationRoleGranted:
				_, err = tx.ExecContext(ctx, `insert into roles (organization_id, person_id, role, origin, granted_at) values ($1,$2,$3,$4,$5)
					on conflict (organization_id, person_id, role) do update set origin=$4, granted_at=$5`, id, e.PersonId, e.Role, e.Origin, r.Time)
			case *identityv1.OrganizationRoleRevoked:
				_, err = tx.ExecContext(ctx, `delete from roles where organization_id=$1 and person_id=$2 and role=$3`, id, e.PersonId, e.Role)
			}
			return err
		})
	},
}

// Role is one row.
type Role struct {
	PersonID  string    `db:"person_id"`
	Role      string    `db:"role"`
	Origin    string    `db:"origin"`
	GrantedAt time.Time `db:"granted_at"`
}

// RolesOf lists the roles of people, ordered by person and role.
func (q Rows) RolesOf(ctx context.Context, people ...string) (all []Role, err error) {
	err = q.DB.SelectContext(ctx, &all, `select person_id, role, origin, granted_at from roles where person_id = any($1)
		order by person_id, role`, pq.Array(people))
	return all, err
}

// Administrators counts who holds the role in an organisation.
func (q Rows) Administrators(ctx context.Context, organizationID, role string) (n int, err error) {
	err = q.DB.GetContext(ctx, &n, `select count(*) from roles where organization_id=$1 and role=$2`, organizationID, role)
	return n, err
}
