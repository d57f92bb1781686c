package view

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Organizations is every organisation, how its people sign in, and who claimed which mail domain when.
var Organizations = projection.View{
	Name: "organizations", Version: 1,
	Schema: `create table organizations (
		id text primary key,
		name text not null,
		kind text not null,
		contract text not null,
		contract_ends_at timestamptz,
		registered_at timestamptz not null,
		verified_at timestamptz,
		verification_method text not null default '',
		suspended boolean not null default false,
		closed boolean not null default false,
		reason text not null default '',
		issuer text not null default '',
		client_id text not null default '',
		secret_id text not null default '',
		domains text[] not null default '{}',
		group_roles jsonb not null default '{}'
	);
	create index organizations_by_name on organizations (lower(name), id);
	create table domain_claims (
		domain text not null,
		organization_id text not null,
		position bigint not null,
		primary key (domain, organization_id)
	)`,
	Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		return each(batch, func(r eventlog.Recorded, fact aggregate.Event) error { return applyOrganization(ctx, tx, r, fact) })
	},
}

func applyOrganization(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, fact aggregate.Event) (err error) {
	id := r.Envelope.GetSubject().GetId()
	switch e := fact.(type) {
	case *identityv1.OrganizationRegistered:
		var ends *time.Time
		if e.ContractEndsAt != nil {
			at := e.ContractEndsAt.AsTime()
			ends = &at
		}
		_, err = tx.ExecContext(ctx, `insert into organizations (id, name, kind, contract, contract_ends_at, registered_at)
			values ($1,$2,$3,$4,$5,$6) on conflict (id) do nothing`, id, e.Name, e.Kind, e.Contract, ends, r.Time)
	case *identityv1.OrganizationVerified:
		_, err = tx.ExecContext(ctx, `update organizations set verified_at=$2, verification_method=$3 where id=$1`, id, r.Time, e.Method)
	case *identityv1.OrganizationSuspended:
		_, err = tx.ExecContext(ctx, `update organizations set suspended=true, reason=$2 where id=$1`, id, e.Reason)
	case *identityv1.OrganizationResumed:
		_, err = tx.ExecContext(ctx, `update organizations set suspended=false, reason='' where id=$1`, id)
	case *identityv1.OrganizationClosed:
		_, err = tx.ExecContext(ctx, `update organizations set closed=true, reason=$2 where id=$1`, id, e.Reason)
	case *identityv1.OrganizationSingleSignOnConfigured:
		return applySingleSignOn(ctx, tx, id, r.Sequence, e)
	}
	return err
}

func applySingleSignOn(ctx context.Context, tx *sqlx.Tx, id string, position uint64, e *identityv1.OrganizationSingleSignOnConfigured) error {
	roles, err := json.Marshal(e.GroupRoles)
	if err != nil {
		return err
	}
	if e.GroupRoles == nil {
		roles = []byte("{}")
	}
	if _, err := tx.ExecContext(ctx, `update organizations set issuer=$2, client_id=$3, secret_id=$4, domains=$5, group_roles=$6 where id=$1`,
		id, e.Issuer, e.ClientId, e.SecretId, pq.Array(e.Domains), roles); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `delete from domain_claims where organization_id=$1 and domain <> all($2)`, id, pq.Array(e.Domains)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into domain_claims (domain, organization_id, position)
		select d, $2, $3 from unnest($1::text[]) d on conflict do nothing`, pq.Array(e.Domains), id, position)
	return err
}

// Organization is one row.
type Organization struct {
	ID                 string         `db:"id"`
	Name               string         `db:"name"`
	Kind               string         `db:"kind"`
	Contract           string         `db:"contract"`
	ContractEndsAt     *time.Time     `db:"contract_ends_at"`
	RegisteredAt       time.Time      `db:"registered_at"`
	VerifiedAt         *time.Time     `db:"verified_at"`
	VerificationMethod string         `db:"verification_method"`
	Suspended          bool           `db:"suspended"`
	Closed             bool           `db:"closed"`
	Reason             string         `db:"reason"`
	Issuer             string         `db:"issuer"`
	ClientID           string         `db:"client_id"`
	SecretID           string         `db:"secret_id"`
	Domains            pq.StringArray `db:"domains"`
	GroupRoles         groupRoles     `db:"group_roles"`
}

// State is the one word for where the organisation stands at that time.
func (o Organization) State(now time.Time) string {
	switch {
	case o.Closed:
		return "closed"
	case o.ContractEndsAt != nil && !now.Before(*o.ContractEndsAt):
		return "expired"
	case o.Suspended:
		return "suspended"
	case o.VerifiedAt != nil:
		return "verified"
	}
	return "registered"
}

// groupRoles is a jsonb column.
type groupRoles map[string]string

func (g *groupRoles) Scan(v any) error { return json.Unmarshal(v.([]byte), (*map[string]string)(g)) }

const organizationColumns = `id, name, kind, contract, contract_ends_at, registered_at, verified_at, verification_method, suspended,
	closed, reason, issuer, client_id, secret_id, domains, group_roles`

// Organization returns a row, or false.
func (q Rows) Organization(ctx context.Context, id string) (o Organization, found bool, err error) {
	err = q.DB.GetContext(ctx, &o, `select `+organizationColumns+` from organizations where id=$1`, id)
	found, err = one(err)
	return o, found, err
}

// OrganizationKey is what a page of organisations begins after.
type OrganizationKey struct {
	Name string `json:"n"`
	ID   string `json:"i"`
}

// Organizations lists by name; with only set, that one alone.
func (q Rows) Organizations(ctx context.Context, only string, after OrganizationKey, limit int) (all []Organization, err error) {
	err = q.DB.SelectContext(ctx, &all, `select `+organizationColumns+` from organizations
		where ($1='' or id=$1) and (lower(name), id) > (lower($2), $3) order by lower(name), id limit $4`, only, after.Name, after.ID, limit)
	return all, err
}

// Provider returns the platform's own organisation, or false before it is registered.
func (q Rows) Provider(ctx context.Context) (o Organization, found bool, err error) {
	err = q.DB.GetContext(ctx, &o, `select `+organizationColumns+` from organizations where kind='provider' order by registered_at, id limit 1`)
	found, err = one(err)
	return o, found, err
}

// ByDomain returns the open organisation that signs in people of a mail domain: the one that claimed it first.
func (q Rows) ByDomain(ctx context.Context, domain string) (o Organization, found bool, err error) {
	err = q.DB.GetContext(ctx, &o, `select `+organizationColumns+` from organizations where id = (
		select c.organization_id from domain_claims c join organizations x on x.id=c.organization_id and not x.closed
		where c.domain=$1 order by c.position limit 1)`, domain)
	found, err = one(err)
	return o, found, err
}

// DomainsTaken lists those of the domains that another open organisation claimed.
func (q Rows) DomainsTaken(ctx context.Context, organizationID string, domains []string) (taken []string, err error) {
	err = q.DB.SelectContext(ctx, &taken, `select distinct c.domain from domain_claims c join organizations x on x.id=c.organization_id and not x.closed
		where c.domain = any($1) and c.organization_id <> $2 order by 1`, pq.Array(domains), organizationID)
	return taken, err
}
