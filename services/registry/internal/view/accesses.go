package view

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// One row a request, which the grant that came of it takes over: what an organisation asked for and what it has.
var accesses = projection.View{Name: "accesses", Version: 1, Schema: `
create table accesses (
	request_id text primary key, grant_id text, organization_id text not null, product_id text not null,
	application_id text not null, state text not null, until timestamptz);
create index on accesses (organization_id, product_id);
create index on accesses (grant_id)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, _ eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *approvalv1.RequestSubmitted:
			return projection.Exec(ctx, tx, `insert into accesses (request_id, organization_id, product_id, application_id, state) values ($1,$2,$3,$4,'requested')`,
				id, f.Content.OrganizationId, f.Content.ProductId, f.Content.ApplicationId)
		case *approvalv1.RequestDenied, *approvalv1.RequestWithdrawn, *approvalv1.RequestExpired:
			return projection.Exec(ctx, tx, `update accesses set state='none' where request_id=$1`, id)
		case *approvalv1.GrantActivated:
			return projection.Exec(ctx, tx, `update accesses set state='granted', grant_id=$2, until=$3 where request_id=$1`, f.RequestId, id, f.Until.AsTime())
		case *approvalv1.GrantExpired, *approvalv1.GrantRevoked:
			return projection.Exec(ctx, tx, `update accesses set state='none' where grant_id=$1`, id)
		}
		return nil
	})}
