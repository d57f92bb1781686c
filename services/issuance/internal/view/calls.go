package view

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
)

// calls is every window in which authorizers let calls of a generation through.
var calls = projection.View{
	Name: "calls", Version: 1,
	Schema: `create table calls (
		id text primary key,
		credential_id text not null,
		generation integer not null,
		first_at timestamptz not null,
		last_at timestamptz not null,
		requests bigint not null,
		scopes jsonb not null,
		networks jsonb not null
	);
	create index calls_by_generation on calls (credential_id, generation, last_at)`,
	Apply: applyCalls,
}

func init() { Activity = append(Activity, calls) }

func applyCalls(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
	var rows projection.Columns
	for _, r := range batch {
		for i, fact := range r.Facts {
			e, ok := fact.(*activityv1.UsageWindow)
			if !ok {
				continue
			}
			scopes, err := counts(e.CallsByScope)
			if err != nil {
				return err
			}
			networks, err := counts(e.CallsByNetwork)
			if err != nil {
				return err
			}
			rows.Add(r.FactID(i), e.CredentialId, int64(e.Generation), e.FirstAt.AsTime(), e.LastAt.AsTime(), int64(e.Count), scopes, networks)
		}
	}
	// An observation may stand in its stream twice, under the same id.
	return rows.Exec(ctx, tx, `insert into calls (id, credential_id, generation, first_at, last_at, requests, scopes, networks)
		select * from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::bigint[], $7::jsonb[], $8::jsonb[])
		on conflict (id) do nothing`)
}

func counts(of map[string]uint64) (string, error) {
	if of == nil {
		return "{}", nil
	}
	raw, err := json.Marshal(of)
	return string(raw), err
}

// Radius is what one generation was used for since a time: whole windows, so that one the time falls into counts too.
type Radius struct {
	CredentialID string                             `db:"credential_id"`
	Generation   uint32                             `db:"generation"`
	Requests     uint64                             `db:"requests"`
	FirstAt      *time.Time                         `db:"first_at"`
	LastAt       *time.Time                         `db:"last_at"`
	Scopes       projection.JSON[map[string]uint64] `db:"scopes"`
	Networks     projection.JSON[map[string]uint64] `db:"networks"`
}

// Radii measures several generations, each since its own time; one that was not used is left out.
func (r Rows) Radii(ctx context.Context, ids []string, generations []int64, since []time.Time) (out []Radius, err error) {
	err = r.DB.SelectContext(ctx, &out, `with asked as (select * from unnest($1::text[], $2::bigint[], $3::timestamptz[]) as a(credential_id, generation, since)),
		hit as (select c.* from calls c join asked a on a.credential_id = c.credential_id and a.generation = c.generation and c.last_at >= a.since)
		select h.credential_id, h.generation, sum(h.requests)::bigint as requests, min(h.first_at) as first_at, max(h.last_at) as last_at,
		(select coalesce(jsonb_object_agg(key, n), '{}') from (select key, sum(value::bigint) as n from hit i, jsonb_each_text(i.scopes)
			where i.credential_id = h.credential_id and i.generation = h.generation group by key) x) as scopes,
		(select coalesce(jsonb_object_agg(key, n), '{}') from (select key, sum(value::bigint) as n from hit i, jsonb_each_text(i.networks)
			where i.credential_id = h.credential_id and i.generation = h.generation group by key) x) as networks
		from hit h group by h.credential_id, h.generation`, pq.Array(ids), pq.Array(generations), pq.Array(since))
	return out, err
}
