package view

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var applications = projection.View{Name: "applications", Version: 1, Schema: `
create table applications (
	id text primary key, organization_id text not null, name text not null, environment text not null, owner_id text not null,
	backup_owner_id text not null, orphaned_seats text[] not null default '{}', suspended boolean not null default false,
	stopped boolean not null default false, ended_at bigint not null default 0)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *registryv1.ApplicationRegistered:
			return projection.Exec(ctx, tx, `insert into applications (id, organization_id, name, environment, owner_id, backup_owner_id) values ($1,$2,$3,$4,$5,$6)`,
				id, f.OrganizationId, f.Name, f.Environment, f.OwnerId, f.BackupOwnerId)
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
		case *registryv1.ApplicationDisabled, *registryv1.ApplicationOffboarded:
			return projection.Exec(ctx, tx, `update applications set stopped=true, ended_at=$2 where id=$1`, id, r.Sequence)
		case *registryv1.ApplicationEnabled:
			return projection.Exec(ctx, tx, `update applications set stopped=false where id=$1`, id)
		}
		return nil
	})}

// Application is one application as approval knows it.
type Application struct {
	ID             string         `db:"id"`
	OrganizationID string         `db:"organization_id"`
	Name           string         `db:"name"`
	Environment    string         `db:"environment"`
	OwnerID        string         `db:"owner_id"`
	BackupOwnerID  string         `db:"backup_owner_id"`
	OrphanedSeats  pq.StringArray `db:"orphaned_seats"`
	Suspended      bool           `db:"suspended"`
	Stopped        bool           `db:"stopped"`
	// EndedAt is the position at which all it had been given ended last; 0 if it never did.
	EndedAt uint64 `db:"ended_at"`
}

// Owners are the people who answer for it and are here.
func (a Application) Owners() []string {
	holders := map[string]string{"owner": a.OwnerID, "backup_owner": a.BackupOwnerID}
	for _, seat := range a.OrphanedSeats {
		delete(holders, seat)
	}
	var ids []string
	for _, seat := range []string{"owner", "backup_owner"} {
		if id := holders[seat]; id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// Application is the application of this id; the zero Application if nobody registered it.
func (r Rows) Application(ctx context.Context, id string) (a Application, err error) {
	_, err = r.One(ctx, &a, `select id, organization_id, name, environment, owner_id, backup_owner_id, orphaned_seats, suspended, stopped, ended_at
		from applications where id=$1`, id)
	return a, err
}
