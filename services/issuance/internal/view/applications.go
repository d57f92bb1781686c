package view

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// applications is what issuance must know of an application before it makes a secret.
var applications = projection.View{
	Name: "applications", Version: 1,
	Schema: `create table applications (
		id text primary key,
		organization_id text not null,
		name text not null,
		environment text not null,
		owner_id text not null,
		backup_owner_id text not null,
		state text not null
	)`,
	Apply: applyApplications,
}

// Application is one row: owner ids are empty where a seat has nobody; state is active, suspended, disabled or offboarded.
type Application struct {
	ID             string `db:"id"`
	OrganizationID string `db:"organization_id"`
	Name           string `db:"name"`
	Environment    string `db:"environment"`
	OwnerID        string `db:"owner_id"`
	BackupOwnerID  string `db:"backup_owner_id"`
	State          string `db:"state"`
}

// Owners counts the seats that somebody holds.
func (a Application) Owners() (n int) {
	for _, id := range []string{a.OwnerID, a.BackupOwnerID} {
		if id != "" {
			n++
		}
	}
	return n
}

func applyApplications(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			var err error
			id := r.Envelope.GetSubject().GetId()
			switch e := fact.(type) {
			case *registryv1.ApplicationRegistered:
				_, err = tx.ExecContext(ctx, `insert into applications (id, organization_id, name, environment, owner_id, backup_owner_id, state)
					values ($1,$2,$3,$4,$5,$6,'active')
					on conflict (id) do update set organization_id=$2, name=$3, environment=$4, owner_id=$5, backup_owner_id=$6, state='active'`,
					id, e.OrganizationId, e.Name, e.Environment, e.OwnerId, e.BackupOwnerId)
			case *registryv1.ApplicationOwnerAssigned:
				err = seat(ctx, tx, id, e.Seat, e.PersonId)
			case *registryv1.ApplicationOrphaned:
				err = seat(ctx, tx, id, e.Seat, "")
			case *registryv1.ApplicationSuspended:
				err = state(ctx, tx, id, "suspended")
			case *registryv1.ApplicationResumed, *registryv1.ApplicationEnabled:
				err = state(ctx, tx, id, "active")
			case *registryv1.ApplicationDisabled:
				err = state(ctx, tx, id, "disabled")
			case *registryv1.ApplicationOffboarded:
				err = state(ctx, tx, id, "offboarded")
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func seat(ctx context.Context, tx *sqlx.Tx, id, seat, person string) error {
	query := `update applications set owner_id=$2 where id=$1`
	if seat == "backup_owner" {
		query = `update applications set backup_owner_id=$2 where id=$1`
	}
	_, err := tx.ExecContext(ctx, query, id, person)
	return err
}

func state(ctx context.Context, tx *sqlx.Tx, id, to string) error {
	_, err := tx.ExecContext(ctx, `update applications set state=$2 where id=$1`, id, to)
	return err
}

// Application returns the row, or false where there is none, and the position of EVENTS the answer stands for.
func (r Rows) Application(ctx context.Context, id string) (a Application, found bool, at uint64, err error) {
	err = projection.Read(ctx, r.DB, func(tx *sqlx.Tx, position uint64) error {
		at = position
		err := tx.GetContext(ctx, &a, `select id, organization_id, name, environment, owner_id, backup_owner_id, state from applications where id=$1`, id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		found = err == nil
		return err
	})
	return a, found, at, err
}
