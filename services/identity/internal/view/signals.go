package view

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// SignalSources is where each organisation's security events are fetched.
var SignalSources = projection.View{
	Name: "signal_sources", Version: 1,
	Schema: `create table signal_sources (
		organization_id text primary key,
		endpoint text not null,
		secret_id text not null
	)`,
	Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		return each(batch, func(r eventlog.Recorded, fact aggregate.Event) (err error) {
			id := r.Envelope.GetSubject().GetId()
			switch e := fact.(type) {
			case *identityv1.OrganizationSignalsConfigured:
				if _, err = tx.ExecContext(ctx, `delete from signal_sources where organization_id=$1`, id); err == nil && e.PollEndpoint != "" {
					_, err = tx.ExecContext(ctx, `insert into signal_sources (organization_id, endpoint, secret_id) values ($1,$2,$3)`, id, e.PollEndpoint, e.SecretId)
				}
			case *identityv1.OrganizationClosed:
				_, err = tx.ExecContext(ctx, `delete from signal_sources where organization_id=$1`, id)
			}
			return err
		})
	},
}

// SignalSource is one row.
type SignalSource struct {
	OrganizationID string `db:"organization_id"`
	Endpoint       string `db:"endpoint"`
	SecretID       string `db:"secret_id"`
}

// SignalSources returns every one.
func (r Rows) SignalSources(ctx context.Context) (all []SignalSource, err error) {
	err = r.DB.SelectContext(ctx, &all, `select organization_id, endpoint, secret_id from signal_sources order by organization_id`)
	return all, err
}
