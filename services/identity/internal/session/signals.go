package session

import (
	"context"
	"time"
)

const signalTables = `create table if not exists received_signals (
	organization_id text not null,
	id text not null,
	type text not null,
	received_at timestamptz not null,
	primary key (organization_id, id));
create index if not exists received_signals_by_age on received_signals (received_at)`

// Heard says whether a security event token was taken before.
func (s Store) Heard(ctx context.Context, organization, id string) (known bool, err error) {
	err = s.DB.GetContext(ctx, &known, `select exists (select 1 from received_signals where organization_id=$1 and id=$2)`, organization, id)
	return known, err
}

// Hear remembers a security event token that took effect, and forgets those too old to be sent again.
func (s Store) Hear(ctx context.Context, organization, id, kind string, now time.Time, keep time.Duration) error {
	if _, err := s.DB.ExecContext(ctx, `insert into received_signals (organization_id, id, type, received_at) values ($1,$2,$3,$4) on conflict do nothing`, organization, id, kind, now); err != nil {
		return err
	}
	_, err := s.DB.ExecContext(ctx, `delete from received_signals where received_at < $1`, now.Add(-keep))
	return err
}
