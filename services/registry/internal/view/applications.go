package view

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var applications = projection.View{Name: "applications", Version: 1, Schema: `
create table applications (
	id text primary key, organization_id text not null, name text not null, purpose text not null, environment text not null,
	owner_id text not null, backup_owner_id text not null, orphaned_seats text[] not null default '{}',
	suspended boolean not null default false, disabled boolean not null default false, offboarded boolean not null default false,
	state text not null generated always as (case when offboarded then 'offboarded' when disabled then 'disabled'
		when suspended then 'suspended' when cardinality(orphaned_seats) > 0 then 'orphaned' else 'active' end) stored,
	registered_at timestamptz not null, position bigint not null, seen bigint not null);
create index on applications (organization_id, position);
create unique index on applications (position)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *registryv1.ApplicationRegistered:
			return projection.Exec(ctx, tx, `insert into applications (id, organization_id, name, purpose, environment, owner_id, backup_owner_id, registered_at, position, seen)
				values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`, id, f.OrganizationId, f.Name, f.Purpose, f.Environment, f.OwnerId, f.BackupOwnerId, r.Time, r.Sequence, r.Envelope.GetSeen())
		case *registryv1.ApplicationOwnerAssigned:
			return projection.Exec(ctx, tx, `update applications set orphaned_seats=array_remove(orphaned_seats, $2),
				owner_id=case when $2='owner' then $3 else owner_id end,
				backup_owner_id=case when $2='backup_owner' then $3 else backup_owner_id end where id=$1`, id, f.Seat, f.PersonId)
		case *registryv1.ApplicationOrphaned:
			return projection.Exec(ctx, tx, `update applications set orphaned_seats=array_append(array_remove(orphaned_seats, $2), $2) where id=$1`, id, f.Seat)
		case *registryv1.ApplicationSuspended:
			return projection.Exec(ctx, tx, `update applications set suspended=true where id=$1`, id)
		case *registryv1.ApplicationResumed:
			return projection.Exec(ctx, tx, `update applications set suspended=false where id=$1`, id)
		case *registryv1.ApplicationDisabled:
			return projection.Exec(ctx, tx, `update applications set disabled=true where id=$1`, id)
		case *registryv1.ApplicationEnabled:
			return projection.Exec(ctx, tx, `update applications set disabled=false where id=$1`, id)
		case *registryv1.ApplicationOffboarded:
			return projection.Exec(ctx, tx, `update applications set offboarded=true where id=$1`, id)
		}
		return nil
	})}

// Application is one application as it is shown.
type Application struct {
	ID             string         `db:"id" json:"id"`
	OrganizationID string         `db:"organization_id" json:"organization_id"`
	Name           string         `db:"name" json:"name"`
	Purpose        string         `db:"purpose" json:"purpose"`
	Environment    string         `db:"environment" json:"environment" enum:"sandbox,production"`
	OwnerID        string         `db:"owner_id" json:"owner_id"`
	BackupOwnerID  string         `db:"backup_owner_id" json:"backup_owner_id"`
	OrphanedSeats  pq.StringArray `db:"orphaned_seats" json:"orphaned_seats" doc:"Seats whose holder has left"`
	State          string         `db:"state" json:"state" enum:"active,suspended,disabled,orphaned,offboarded"`
	RegisteredAt   time.Time      `db:"registered_at" json:"registered_at"`
	ContractEndsAt *time.Time     `db:"contract_ends_at" json:"contract_ends_at,omitempty" doc:"When the organisation's contract ends"`
	Position       uint64         `db:"position" json:"-"`
}

const application = `select a.id, a.organization_id, a.name, a.purpose, a.environment, a.owner_id, a.backup_owner_id, a.orphaned_seats, a.state,
	a.registered_at, o.contract_ends_at, a.position from applications a left join organizations o on o.id=a.organization_id `

// Application is the application of this id; false if nobody registered it.
func (r Rows) Application(ctx context.Context, id string) (a Application, ok bool, err error) {
	ok, err = r.One(ctx, &a, application+`where a.id=$1`, id)
	projection.UTC(&a.RegisteredAt, a.ContractEndsAt)
	return a, ok, err
}

// ApplicationFilter says which applications to list; an empty field is no condition.
type ApplicationFilter struct{ OrganizationID, State, Environment string }

// Applications lists applications, the newest first, those registered before the position if it is not 0.
func (r Rows) Applications(ctx context.Context, f ApplicationFilter, before uint64, limit int) ([]Application, error) {
	var as []Application
	err := r.Many(ctx, &as, application+`where ($1='' or a.organization_id=$1) and ($2='' or a.state=$2) and ($3='' or a.environment=$3)
		and ($4=0 or a.position<$4) order by a.position desc limit $5`, f.OrganizationID, f.State, f.Environment, before, limit)
	for i := range as {
		projection.UTC(&as[i].RegisteredAt, as[i].ContractEndsAt)
	}
	return as, err
}

// RegisteredBefore are the ids of an organisation's applications that rest on what was known before the position.
func (r Rows) RegisteredBefore(ctx context.Context, organization string, position uint64) (ids []string, err error) {
	err = r.Many(ctx, &ids, `select id from applications where organization_id=$1 and seen<$2 and not offboarded order by position`, organization, position)
	return ids, err
}
