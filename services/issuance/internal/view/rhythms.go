package view

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
)

// rhythms is how long each credential's consumer has let pass between two calls at most: what is silent for longer than that
// may be out of use, what is silent for less may just be waiting for its turn.
var rhythms = projection.View{
	Name: "rhythms", Version: 1,
	Schema: `create table rhythms (
		credential_id text primary key,
		last_used_at timestamptz not null,
		longest_gap_seconds double precision not null
	)`,
	Apply: applyRhythms,
}

func applyRhythms(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			var id string
			first, last := r.Time, r.Time
			switch e := fact.(type) {
			case *activityv1.UsageWindow:
				id, first, last = e.CredentialId, e.FirstAt.AsTime(), e.LastAt.AsTime()
			case *activityv1.TokenIssued:
				id = e.ClientId
			case *activityv1.TokenExchanged:
				id = e.ClientId
			default:
				continue
			}
			if err := rhythm(ctx, tx, id, first, last); err != nil {
				return err
			}
		}
	}
	return nil
}

func rhythm(ctx context.Context, tx *sqlx.Tx, id string, first, last time.Time) error {
	_, err := tx.ExecContext(ctx, `insert into rhythms (credential_id, last_used_at, longest_gap_seconds) values ($1,$3,0)
		on conflict (credential_id) do update set last_used_at=greatest(rhythms.last_used_at, $3),
			longest_gap_seconds=greatest(rhythms.longest_gap_seconds, extract(epoch from $2::timestamptz - rhythms.last_used_at))`, id, first, last)
	return err
}
