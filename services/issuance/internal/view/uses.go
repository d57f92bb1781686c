package view

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
)

// uses is when each generation of a credential was last seen working: by an authorizer or at the token endpoint.
var uses = projection.View{
	Name: "uses", Version: 1,
	Schema: `create table uses (
		credential_id text not null,
		generation integer not null,
		last_used_at timestamptz not null,
		primary key (credential_id, generation)
	)`,
	Apply: applyUses,
}

func applyUses(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			var id string
			var generation uint32
			at := r.Time
			switch e := fact.(type) {
			case *activityv1.UsageWindow:
				id, generation, at = e.CredentialId, e.Generation, e.LastAt.AsTime()
			case *activityv1.TokenIssued:
				id, generation = e.ClientId, e.Generation
			default:
				continue
			}
			if _, err := tx.ExecContext(ctx, `insert into uses (credential_id, generation, last_used_at) values ($1,$2,$3)
				on conflict (credential_id, generation) do update set last_used_at=greatest(uses.last_used_at, $3)`, id, generation, at); err != nil {
				return err
			}
		}
	}
	return nil
}
