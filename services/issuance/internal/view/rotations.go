package view

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/cutover"
)

// rotations is every rotation under way: two secrets of one credential side by side.
var rotations = projection.View{
	Name: "rotations", Version: 1,
	Schema: `create table rotations (
		credential_id text primary key,
		old integer not null,
		new integer not null,
		started_at timestamptz not null,
		overlap_ends_at timestamptz not null,
		quiet_seconds integer not null
	)`,
	Apply: projection.Each(applyRotation),
}

func applyRotation(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
	switch e := fact.(type) {
	case *issuancev1.CredentialRotationStarted:
		if e.PreviousGeneration == 0 {
			return nil
		}
		return projection.Exec(ctx, tx, `insert into rotations (credential_id, old, new, started_at, overlap_ends_at, quiet_seconds) values ($1,$2,$3,$4,$5,$6)
			on conflict (credential_id) do update set old=$2, new=$3, started_at=$4, overlap_ends_at=$5, quiet_seconds=$6`,
			id, e.PreviousGeneration, e.Generation, r.Time, e.OverlapEndsAt.AsTime(), e.QuietSeconds)
	case *issuancev1.CredentialRetired:
		return projection.Exec(ctx, tx, `delete from rotations where credential_id=$1 and $2 in (old, new)`, id, e.Generation)
	case *issuancev1.CredentialLeakReported:
		return projection.Exec(ctx, tx, `delete from rotations where credential_id=$1 and old<=$2`, id, e.Generation)
	case *issuancev1.CredentialRevoked, *issuancev1.CredentialExpired:
		return projection.Exec(ctx, tx, `delete from rotations where credential_id=$1`, id)
	}
	return nil
}

// Rotation is a rotation that may end early.
type Rotation struct {
	CredentialID  string    `db:"credential_id"`
	Old           uint32    `db:"old"`
	OverlapEndsAt time.Time `db:"overlap_ends_at"`
	cutover.Rotation
}

// Rotations are those that end once the old secret is proven unused, after the credential named, in the order of their ids.
func (r Rows) Rotations(ctx context.Context, after string, limit int) ([]Rotation, error) {
	var rows []struct {
		Rotation
		StartedAt    time.Time  `db:"started_at"`
		QuietSeconds int64      `db:"quiet_seconds"`
		OldUsedAt    *time.Time `db:"old_used_at"`
		NewUsedAt    *time.Time `db:"new_used_at"`
		Gap          float64    `db:"gap"`
	}
	err := r.DB.SelectContext(ctx, &rows, `select t.credential_id, t.old, t.overlap_ends_at, t.started_at, t.quiet_seconds, o.last_used_at as old_used_at,
			n.last_used_at as new_used_at, coalesce(m.longest_gap_seconds, 0) as gap
		from rotations t
		left join uses o on o.credential_id = t.credential_id and o.generation = t.old
		left join uses n on n.credential_id = t.credential_id and n.generation = t.new
		left join rhythms m on m.credential_id = t.credential_id
		where t.quiet_seconds > 0 and t.credential_id > $1 order by t.credential_id limit $2`, after, limit)
	out := make([]Rotation, len(rows))
	for i, row := range rows {
		out[i] = row.Rotation
		out[i].Rotation = cutover.Rotation{StartedAt: row.StartedAt, Quiet: time.Duration(row.QuietSeconds) * time.Second, LongestGap: time.Duration(row.Gap * float64(time.Second))}
		if row.OldUsedAt != nil {
			out[i].OldUsedAt = *row.OldUsedAt
		}
		if row.NewUsedAt != nil {
			out[i].NewUsedAt = *row.NewUsedAt
		}
	}
	return out, err
}
