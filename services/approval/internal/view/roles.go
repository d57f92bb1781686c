package view

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

var roles = projection.View{Name: "roles", Version: 1, Schema: `
create table roles (organization_id text not null, person_id text not null, role text not null, primary key (organization_id, person_id, role));
create index on roles (person_id)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, _ eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *identityv1.OrganizationRoleGranted:
			return projection.Exec(ctx, tx, `insert into roles (organization_id, person_id, role) values ($1,$2,$3) on conflict do nothing`, id, f.PersonId, f.Role)
		case *identityv1.OrganizationRoleRevoked:
			return projection.Exec(ctx, tx, `delete from roles where organization_id=$1 and person_id=$2 and role=$3`, id, f.PersonId, f.Role)
		}
		return nil
	})}

// Authority lists the seats the person may take for a request of the organisation for the product: the organisation's
// administrators that of organization_admin; of the provider's people who are here, security reviewers that of
// security_reviewer, and reviewers that of product_reviewer, only those named where the product names any.
func (r Rows) Authority(ctx context.Context, person, organization, product string) (seats []string, err error) {
	err = r.Many(ctx, &seats, `
		with holder as (select p.id, p.organization_id, r.role from people p join roles r on r.person_id=p.id and r.organization_id=p.organization_id
			join organizations o on o.id=p.organization_id and not o.suspended and o.ended_at=0
			where p.id=$1 and p.here and not p.locked)
		select 'organization_admin' from holder where role='org_admin' and organization_id=$2
		union select 'product_reviewer' from holder h join products d on d.id=$3 and d.organization_id=h.organization_id
			where h.role='reviewer' and (cardinality(d.reviewer_ids)=0 or h.id=any(d.reviewer_ids))
		union select 'security_reviewer' from holder h join products d on d.id=$3 and d.organization_id=h.organization_id where h.role='security_reviewer'
		order by 1`, person, organization, product)
	return seats, err
}
