package view

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
)

// scopeUses is when each scope of a credential was last needed by a call that passed.
var scopeUses = projection.View{
	Name: "scope_uses", Version: 1,
	Schema: `create table scope_uses (
		credential_id text not null,
		scope text not null,
		last_used_at timestamptz not null,
		primary key (credential_id, scope)
	)`,
	Apply: applyScopeUses,
}

func applyScopeUses(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			e, ok := fact.(*activityv1.UsageWindow)
			if !ok {
				continue
			}
			for scope := range e.CallsByScope {
				if _, err := tx.ExecContext(ctx, `insert into scope_uses (credential_id, scope, last_used_at) values ($1,$2,$3)
					on conflict (credential_id, scope) do update set last_used_at=greatest(scope_uses.last_used_at, $3)`, e.CredentialId, scope, e.LastAt.AsTime()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Findings of an inventory.
const (
	Orphaned     = "orphaned"
	OverScoped   = "over_scoped"
	Unused       = "unused"
	NeverRotated = "never_rotated"
	Ageing       = "ageing"
	Imported     = "imported"
)

// Findings are all of them, in the order a person reads them.
var Findings = []string{Orphaned, OverScoped, Unused, NeverRotated, Ageing, Imported}

// Inventory says what is looked at and since when something counts as unused.
type Inventory struct {
	// OrganizationID is whose credentials are looked at, empty for all.
	OrganizationID string
	// Finding keeps those alone of which it is true; empty for all that live.
	Finding string
	// Orphans are the applications that lack an owner.
	Orphans []string
	// Now and Since: what was issued before Since and not used since then is unused; Since is also the age from which a
	// secret should have been rotated once.
	Now, Since time.Time
}

// Stock is a credential that lives and what is to be said of it.
type Stock struct {
	Credential
	// Rotations counts the secrets after the first.
	Rotations    int            `db:"rotations"`
	LastUsedAt   *time.Time     `db:"last_used_at"`
	UnusedScopes pq.StringArray `db:"unused_scopes"`
	Findings     pq.StringArray `db:"findings"`
}

// stock gives every live credential its findings: $1 organisation, $2 orphaned applications, $3 now, $4 since.
const stock = `select s.*, array_remove(array[
		case when application_id = any($2) then 'orphaned' end,
		case when issued_at < $4 and last_used_at >= $4 and cardinality(unused_scopes) > 0 then 'over_scoped' end,
		case when issued_at < $4 and (last_used_at is null or last_used_at < $4) then 'unused' end,
		case when issued_at < $4 and rotations = 0 then 'never_rotated' end,
		case when $3 > issued_last + (expires_at - issued_last) * 0.8 then 'ageing' end,
		case when imported_from <> '' then 'imported' end], null) as findings
	from (select c.id, c.kind, c.name, c.grant_id, c.request_id, c.application_id, c.organization_id, c.product_id, c.scopes, c.environment, c.class,
			c.state, c.reason, c.ended_by, c.issued_at, c.issued_by, c.expires_at, c.ended_at, c.redirect_uris, c.grant_types, c.bound_tokens, c.imported_from,
			g.rotations, g.issued_last, u.last_used_at,
			array(select w from unnest(c.scopes) w where not exists
				(select 1 from scope_uses x where x.credential_id = c.id and x.scope = w and x.last_used_at >= $4)) as unused_scopes
		from credentials c
		cross join lateral (select count(*) - 1 as rotations, max(created_at) as issued_last from generations where credential_id = c.id) g
		left join lateral (select max(last_used_at) as last_used_at from uses where credential_id = c.id) u on true
		where c.ended_at is null and c.expires_at > $3 and ($1 = '' or c.organization_id = $1)) s`

// Stock returns at most limit live credentials after the given id, by id.
func (r Rows) Stock(ctx context.Context, i Inventory, after string, limit int) (s []Stock, err error) {
	err = r.DB.SelectContext(ctx, &s, `select id, kind, name, grant_id, request_id, application_id, organization_id, product_id, scopes, environment, class,
			state, reason, ended_by, issued_at, issued_by, expires_at, ended_at, redirect_uris, grant_types, bound_tokens, imported_from,
			rotations, last_used_at, unused_scopes, findings
		from (`+stock+`) f where id > $5 and ($6 = '' or $6 = any(findings)) order by id limit $7`,
		i.OrganizationID, pq.Array(i.Orphans), i.Now, i.Since, after, i.Finding, limit)
	return s, err
}

// Tally is how many live credentials one organisation has, and of how many each finding is true.
type Tally struct {
	OrganizationID string `db:"organization_id"`
	Live           int    `db:"live"`
	Orphaned       int    `db:"orphaned"`
	OverScoped     int    `db:"over_scoped"`
	Unused         int    `db:"unused"`
	NeverRotated   int    `db:"never_rotated"`
	Ageing         int    `db:"ageing"`
	Imported       int    `db:"imported"`
}

// Tallies returns one row an organisation that has live credentials.
func (r Rows) Tallies(ctx context.Context, i Inventory) (t []Tally, err error) {
	err = r.DB.SelectContext(ctx, &t, `select organization_id, count(*) as live,
			count(*) filter (where 'orphaned' = any(findings)) as orphaned, count(*) filter (where 'over_scoped' = any(findings)) as over_scoped,
			count(*) filter (where 'unused' = any(findings)) as unused, count(*) filter (where 'never_rotated' = any(findings)) as never_rotated,
			count(*) filter (where 'ageing' = any(findings)) as ageing, count(*) filter (where 'imported' = any(findings)) as imported
		from (`+stock+`) f group by organization_id order by organization_id`, i.OrganizationID, pq.Array(i.Orphans), i.Now, i.Since)
	return t, err
}
