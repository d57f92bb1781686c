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

// People is every person with the name and address they have now; erasing empties both.
func People(open Open) projection.View {
	return projection.View{
		Name: "people", Version: 1,
		Schema: `create table people (
			id text primary key,
			organization_id text not null,
			name text not null,
			email text not null,
			locked boolean not null default false,
			gone boolean not null default false,
			erased boolean not null default false,
			reason text not null default '',
			provisioned_at timestamptz not null
		);
		create index people_by_organization on people (organization_id, id)`,
		Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
			for _, r := range batch {
				if len(r.Envelope.GetSealed()) > 0 && r.Envelope.GetSubject().GetKind() == "person" {
					opened, err := open(ctx, r)
					if err != nil {
						return err
					}
					r = opened
				}
				for _, fact := range r.Facts {
					if err := applyPerson(ctx, tx, r, fact); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
}

func applyPerson(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, fact aggregate.Event) (err error) {
	id := r.Envelope.GetSubject().GetId()
	switch e := fact.(type) {
	case *identityv1.PersonProvisioned:
		_, err = tx.ExecContext(ctx, `insert into people (id, organization_id, name, email, provisioned_at) values ($1,$2,$3,$4,$5)
			on conflict (id) do update set organization_id=$2, name=$3, email=$4, provisioned_at=$5, locked=false, gone=false, reason=''`,
			id, e.OrganizationId, e.Name, e.Email, r.Time)
	case *identityv1.PersonChanged:
		_, err = tx.ExecContext(ctx, `update people set name=$2, email=$3 where id=$1`, id, e.Name, e.Email)
	case *identityv1.PersonLocked:
		_, err = tx.ExecContext(ctx, `update people set locked=true, reason=$2 where id=$1`, id, e.Reason)
	case *identityv1.PersonUnlocked:
		_, err = tx.ExecContext(ctx, `update people set locked=false, reason='' where id=$1`, id)
	case *identityv1.PersonDeprovisioned:
		_, err = tx.ExecContext(ctx, `update people set gone=true, reason=$2 where id=$1`, id, e.Reason)
	case *identityv1.PersonErased:
		_, err = tx.ExecContext(ctx, `update people set gone=true, erased=true, name='', email='' where id=$1`, id)
	}
	return err
}

// Person is one row; name and email are empty once erased.
type Person struct {
	ID             string    `db:"id"`
	OrganizationID string    `db:"organization_id"`
	Name           string    `db:"name"`
	Email          string    `db:"email"`
	Locked         bool      `db:"locked"`
	Gone           bool      `db:"gone"`
	Erased         bool      `db:"erased"`
	Reason         string    `db:"reason"`
	ProvisionedAt  time.Time `db:"provisioned_at"`
}

// State is the one word for where the person stands.
func (p Person) State() string {
	switch {
	case p.Erased:
		return "erased"
	case p.Gone:
		return "deprovisioned"
	case p.Locked:
		return "locked"
	}
	return "active"
}

// ByEmail is the person of an organisation with an address, if there is exactly one who has not left; else empty.
func (r Rows) ByEmail(ctx context.Context, organizationID, email string) (string, error) {
	var ids []string
	if email == "" {
		return "", nil
	}
	err := r.DB.SelectContext(ctx, &ids, `select id from people where organization_id=$1 and lower(email)=$2 and not gone limit 2`, organizationID, email)
	if err != nil || len(ids) != 1 {
		return "", err
	}
	return ids[0], nil
}

const personColumns = `id, organization_id, name, email, locked, gone, erased, reason, provisioned_at`

// Person returns a row, or false.
func (q Rows) Person(ctx context.Context, id string) (p Person, found bool, err error) {
	err = q.DB.GetContext(ctx, &p, `select `+personColumns+` from people where id=$1`, id)
	found, err = one(err)
	return p, found, err
}

// People lists by id, of one organisation unless it is empty.
func (q Rows) People(ctx context.Context, organizationID, after string, limit int) (all []Person, err error) {
	err = q.DB.SelectContext(ctx, &all, `select `+personColumns+` from people where ($1='' or organization_id=$1) and id > $2
		order by id limit $3`, organizationID, after, limit)
	return all, err
}

// Name is what one id stands for.
type Name struct {
	ID             string `db:"id"`
	OrganizationID string `db:"organization_id"`
	Name           string `db:"name"`
	Email          string `db:"email"` // of people
}

// Names finds those of the ids that are people or organisations.
func (q Rows) Names(ctx context.Context, ids []string) (all []Name, err error) {
	err = q.DB.SelectContext(ctx, &all, `select id, organization_id, name, email from people where id = any($1)
		union all select id, id, name, '' from organizations where id = any($1)`, pq.Array(ids))
	return all, err
}
