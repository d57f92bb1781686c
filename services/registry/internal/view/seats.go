package view

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// One row a person in a seat; seen is the position that naming them rested on, so that a departure before it is known to
// have been looked at.
var seats = projection.View{Name: "seats", Version: 1, Schema: `
create table seats (
	kind text not null, id text not null, seat text not null, person_id text not null, seen bigint not null,
	primary key (kind, id, seat, person_id));
create index on seats (person_id)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		seen := r.Envelope.GetSeen()
		take := func(kind, seat, person string) error {
			return projection.Exec(ctx, tx, `insert into seats (kind, id, seat, person_id, seen) values ($1,$2,$3,$4,$5)
				on conflict (kind, id, seat, person_id) do update set seen=$5`, kind, id, seat, person, seen)
		}
		leave := func(kind, seat, person string) error {
			return projection.Exec(ctx, tx, `delete from seats where kind=$1 and id=$2 and seat=$3 and person_id=$4`, kind, id, seat, person)
		}
		switch f := fact.(type) {
		case *registryv1.ApplicationRegistered:
			if err := take("application", "owner", f.OwnerId); err != nil {
				return err
			}
			return take("application", "backup_owner", f.BackupOwnerId)
		case *registryv1.ApplicationOwnerAssigned:
			if err := leave("application", f.Seat, f.PreviousPersonId); err != nil {
				return err
			}
			return take("application", f.Seat, f.PersonId)
		case *registryv1.ApplicationOrphaned:
			return leave("application", f.Seat, f.PersonId)
		case *registryv1.ProductSeatAssigned:
			if err := leave("product", f.Seat, f.PreviousPersonId); err != nil {
				return err
			}
			return take("product", f.Seat, f.PersonId)
		case *registryv1.ProductOrphaned:
			return leave("product", f.Seat, f.PersonId)
		}
		return nil
	})}

// Held are the applications and products in which the person holds a seat on the word of a decision that rests on what
// was known before the position.
func (r Rows) Held(ctx context.Context, person string, position uint64) (applications, products []string, err error) {
	var rows []struct {
		Kind string `db:"kind"`
		ID   string `db:"id"`
	}
	err = r.Many(ctx, &rows, `select distinct kind, id from seats where person_id=$1 and seen<$2 order by kind, id`, person, position)
	for _, row := range rows {
		if row.Kind == "application" {
			applications = append(applications, row.ID)
		} else {
			products = append(products, row.ID)
		}
	}
	return applications, products, err
}
