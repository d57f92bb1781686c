package view

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Own are the views of EVENTS; those of the records follow another stream.
func Own() []projection.View {
	return []projection.View{subscriptions, applications, deadline.View(1, deadline.FromOptions("audit"))}
}

var subscriptions = projection.View{Name: "subscriptions", Version: 1, Schema: `
create table subscriptions (
	id text primary key, position bigint not null, name text not null, organization_id text not null, application_id text not null,
	types text[] not null, organization_ids text[] not null, created_by text not null, created_at timestamptz not null,
	expires_at timestamptz not null, after bigint not null, ended_at timestamptz, reason text not null default '');
create index subscriptions_by_application on subscriptions (application_id);
create index subscriptions_by_organization on subscriptions (organization_id, position)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *auditv1.SubscriptionCreated:
			return projection.Exec(ctx, tx, `insert into subscriptions (id, position, name, organization_id, application_id, types, organization_ids, created_by, created_at, expires_at, after)
				values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`, id, r.Sequence, f.Name, f.OrganizationId, f.GetApplicationId(), pq.StringArray(list(f.Types)), pq.StringArray(list(f.OrganizationIds)),
				r.Envelope.GetActor().GetId(), r.Time, f.ExpiresAt.AsTime(), f.After)
		case *auditv1.SubscriptionEnded:
			return projection.Exec(ctx, tx, `update subscriptions set ended_at=$2, reason=$3 where id=$1`, id, r.Time, f.Reason)
		}
		return nil
	})}

func list(all []string) []string { return append([]string{}, all...) }

var applications = projection.View{Name: "applications", Version: 1, Schema: `
create table applications (id text primary key, organization_id text not null)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, _ eventlog.Recorded, id string, fact aggregate.Event) error {
		if f, ok := fact.(*registryv1.ApplicationRegistered); ok {
			return projection.Exec(ctx, tx, `insert into applications (id, organization_id) values ($1,$2)`, id, f.OrganizationId)
		}
		return nil
	})}

// Subscription is one subscription as it is shown.
type Subscription struct {
	ID             string         `db:"id" json:"id"`
	Position       uint64         `db:"position" json:"-"`
	Name           string         `db:"name" json:"name"`
	OrganizationID string         `db:"organization_id" json:"organization_id"`
	ApplicationID  string         `db:"application_id" json:"application_id,omitempty"`
	Types          pq.StringArray `db:"types" json:"types"`
	Organizations  pq.StringArray `db:"organization_ids" json:"organizations" doc:"Those whose events are delivered; none means all"`
	CreatedBy      string         `db:"created_by" json:"created_by"`
	CreatedAt      time.Time      `db:"created_at" json:"created_at"`
	ExpiresAt      time.Time      `db:"expires_at" json:"expires_at"`
	After          uint64         `db:"after" json:"after" doc:"Position of the last record before the first delivered"`
	EndedAt        *time.Time     `db:"ended_at" json:"ended_at,omitempty"`
	Reason         string         `db:"reason" json:"reason,omitempty" doc:"Why it ended"`
}

const subscribed = `select id, position, name, organization_id, application_id, types, organization_ids, created_by, created_at, expires_at, after, ended_at, reason from subscriptions`

// Subscriptions are those of an organisation, of all if it is empty, newest first, before a position.
func (r Rows) Subscriptions(ctx context.Context, organization string, before uint64, limit int) (rows []Subscription, err error) {
	err = r.DB.SelectContext(ctx, &rows, subscribed+` where ($1 = '' or organization_id = $1) and ($2 = 0 or position < $2) order by position desc limit $3`, organization, before, limit)
	for i := range rows {
		rows[i].utc()
	}
	return rows, err
}

// Subscription is the one of an id; false if there is none.
func (r Rows) Subscription(ctx context.Context, id string) (s Subscription, found bool, err error) {
	var rows []Subscription
	if err = r.DB.SelectContext(ctx, &rows, subscribed+` where id = $1`, id); err != nil || len(rows) == 0 {
		return s, false, err
	}
	rows[0].utc()
	return rows[0], true, nil
}

func (s *Subscription) utc() { projection.UTC(&s.CreatedAt, &s.ExpiresAt, s.EndedAt) }

// Open are the ids of subscriptions that have not ended, of an application or of an organisation.
func (r Rows) Open(ctx context.Context, application, organization string) (ids []string, err error) {
	err = r.DB.SelectContext(ctx, &ids, `select id from subscriptions where ended_at is null and (application_id = $1 and $1 <> '' or organization_id = $2 and $2 <> '') order by position`, application, organization)
	return ids, err
}

// AllOpen are the ids of all subscriptions that have not ended.
func (r Rows) AllOpen(ctx context.Context) (ids []string, err error) {
	err = r.DB.SelectContext(ctx, &ids, `select id from subscriptions where ended_at is null order by position`)
	return ids, err
}

// ApplicationOf is the organisation an application is of; empty if nobody registered it.
func (r Rows) ApplicationOf(ctx context.Context, id string) (organization string, err error) {
	err = r.DB.GetContext(ctx, &organization, `select coalesce((select organization_id from applications where id = $1), '')`, id)
	return organization, err
}

// Carried are the ids of the facts of some types, by title, and organisations, none meaning all, that the records of a
// range hold, in their order; one more than limit if there are more.
func (r Rows) Carried(ctx context.Context, titles, organizations []string, from, to uint64, limit int) (ids []string, err error) {
	err = r.DB.SelectContext(ctx, &ids, `select id from records where stream = 'EVENTS' and position between $1 and $2 and type = any($3)
		and (cardinality($4::text[]) = 0 or organization_id = any($4)) order by position limit $5`, from, to, pq.Array(titles), pq.Array(list(organizations)), limit+1)
	return ids, err
}

// Before is the position of the last record before a time: everything after it was stored then or later, or is later in
// the order of the records.
func (r Rows) Before(ctx context.Context, at time.Time) (position uint64, err error) {
	err = r.DB.GetContext(ctx, &position, `select coalesce((select min(position) - 1 from records where at >= $1), (select max(position) from records), 0)`, at)
	return position, err
}
