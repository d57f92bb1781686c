package view

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// leaks is every report of leaked secrets, and what became of each secret it named.
var leaks = projection.View{
	Name: "leaks", Version: 1,
	Schema: `create table leaks (
		id text primary key,
		source text not null,
		reported_by text not null,
		received_at timestamptz not null,
		recorded_at timestamptz not null,
		closed_at timestamptz,
		dead_at timestamptz,
		position bigint not null,
		confirmed text[] not null,
		pending text[] not null
	);
	create table leaked_secrets (
		leak_id text not null references leaks (id) on delete cascade,
		credential_id text not null,
		generation integer not null,
		exposed_since timestamptz,
		ended_at timestamptz,
		ended_position bigint not null,
		revoked boolean not null,
		owner_id text not null,
		backup_owner_id text not null,
		primary key (leak_id, credential_id, generation)
	);
	create index leaked_secrets_by_credential on leaked_secrets (credential_id)`,
	Apply: projection.Each(applyLeaks),
}

func init() { All = append(All, leaks) }

// Leak is one report. ClosedAt is nil until each of its secrets has ended; Position is where the last ending stands.
type Leak struct {
	ID         string         `db:"id"`
	Source     string         `db:"source"`
	ReportedBy string         `db:"reported_by"`
	ReceivedAt time.Time      `db:"received_at"`
	RecordedAt time.Time      `db:"recorded_at"`
	ClosedAt   *time.Time     `db:"closed_at"`
	DeadAt     *time.Time     `db:"dead_at"`
	Position   uint64         `db:"position"`
	Confirmed  pq.StringArray `db:"confirmed"`
	Pending    pq.StringArray `db:"pending"`
}

// LeakedSecret is one secret of a report. EndedAt is nil where it had ended before, or not yet.
type LeakedSecret struct {
	LeakID         string     `db:"leak_id"`
	CredentialID   string     `db:"credential_id"`
	Generation     uint32     `db:"generation"`
	ExposedSince   *time.Time `db:"exposed_since"`
	EndedAt        *time.Time `db:"ended_at"`
	EndedPosition  uint64     `db:"ended_position"`
	Revoked        bool       `db:"revoked"`
	OwnerID        string     `db:"owner_id"`
	BackupOwnerID  string     `db:"backup_owner_id"`
	OrganizationID string     `db:"organization_id"`
	ApplicationID  string     `db:"application_id"`
	Name           string     `db:"name"`
	Hint           string     `db:"hint"`
	CreatedAt      time.Time  `db:"created_at"`
	// GenerationEndedAt is when the secret ended, by whatever ended it.
	GenerationEndedAt *time.Time `db:"generation_ended_at"`
}

func applyLeaks(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
	switch e := fact.(type) {
	case *issuancev1.LeakReceived:
		if err := projection.Exec(ctx, tx, `insert into leaks (id, source, reported_by, received_at, recorded_at, position, confirmed, pending)
			values ($1,$2,$3,$4,$5,0,'{}','{}') on conflict (id) do update set closed_at=null, dead_at=null`,
			id, e.Source, r.Envelope.GetActor().GetId(), e.ReceivedAt.AsTime(), r.Time); err != nil {
			return err
		}
		var rows projection.Columns
		for _, s := range e.Secrets {
			var since *time.Time
			if s.ExposedSince != nil {
				at := s.ExposedSince.AsTime()
				since = &at
			}
			rows.Add(id, s.CredentialId, int64(s.Generation), since)
		}
		return rows.Exec(ctx, tx, `insert into leaked_secrets (leak_id, credential_id, generation, exposed_since, ended_position, revoked, owner_id, backup_owner_id)
			select l, c, g, s, 0, false, '', '' from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) as x(l, c, g, s)
			on conflict (leak_id, credential_id, generation) do nothing`)
	case *issuancev1.CredentialLeakReported:
		revoked := false
		for _, other := range r.Facts {
			if _, ok := other.(*issuancev1.CredentialRevoked); ok {
				revoked = true
			}
		}
		return projection.Exec(ctx, tx, `update leaked_secrets set ended_at=$4, ended_position=$5, revoked=$6
			where leak_id=$1 and credential_id=$2 and generation=$3`, e.ReportId, id, e.Generation, r.Time, int64(r.Sequence), revoked)
	case *issuancev1.CredentialOwnersNotified:
		return projection.Exec(ctx, tx, `update leaked_secrets set owner_id=$4, backup_owner_id=$5
			where leak_id=$1 and credential_id=$2 and generation=$3`, e.ReportId, id, e.Generation, e.OwnerId, e.BackupOwnerId)
	case *issuancev1.LeakClosed:
		return projection.Exec(ctx, tx, `update leaks set closed_at=$2, dead_at=$3, position=$4, confirmed=$5, pending=$6 where id=$1`,
			id, r.Time, e.DeadAt.AsTime(), int64(e.Position), pq.Array(append([]string{}, e.Confirmed...)), pq.Array(append([]string{}, e.Pending...)))
	}
	return nil
}

const leakColumns = `l.id, l.source, l.reported_by, l.received_at, l.recorded_at, l.closed_at, l.dead_at, l.position, l.confirmed, l.pending`

// Leak returns one report, or false where there is none.
func (r Rows) Leak(ctx context.Context, id string) (l Leak, found bool, err error) {
	err = r.DB.GetContext(ctx, &l, `select `+leakColumns+` from leaks l where l.id=$1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return l, false, nil
	}
	return l, err == nil, err
}

// LeakFilter narrows a list; empty fields do not.
type LeakFilter struct{ OrganizationID, ApplicationID, CredentialID string }

// Leaks returns at most limit reports that were recorded before one, newest first; zero values begin at the newest.
func (r Rows) Leaks(ctx context.Context, f LeakFilter, before time.Time, beforeID string, limit int) (l []Leak, err error) {
	err = r.DB.SelectContext(ctx, &l, `select `+leakColumns+` from leaks l
		where ($4 = '' or (l.recorded_at, l.id) < ($5, $4)) and ($1 = '' and $2 = '' and $3 = '' or exists (
			select 1 from leaked_secrets s join credentials c on c.id = s.credential_id where s.leak_id = l.id
			and ($1 = '' or c.organization_id = $1) and ($2 = '' or c.application_id = $2) and ($3 = '' or c.id = $3)))
		order by l.recorded_at desc, l.id desc limit $6`, f.OrganizationID, f.ApplicationID, f.CredentialID, beforeID, before, limit)
	return l, err
}

// LeakedSecrets returns at most limit secrets of reports after one, those of one organisation unless it is empty.
func (r Rows) LeakedSecrets(ctx context.Context, leakIDs []string, organizationID, after string, limit int) (s []LeakedSecret, err error) {
	err = r.DB.SelectContext(ctx, &s, `select s.leak_id, s.credential_id, s.generation, s.exposed_since, s.ended_at, s.ended_position, s.revoked, s.owner_id,
		s.backup_owner_id, c.organization_id, c.application_id, c.name, g.hint, g.created_at, coalesce(g.ended_at, c.ended_at) as generation_ended_at
		from leaked_secrets s join credentials c on c.id = s.credential_id join generations g on g.credential_id = s.credential_id and g.number = s.generation
		where s.leak_id = any($1) and ($2 = '' or c.organization_id = $2) and s.credential_id > $3
		order by s.credential_id, s.generation, s.leak_id limit $4`, pq.Array(leakIDs), organizationID, after, limit)
	return s, err
}
