package view

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// credentials is every credential and every generation of its secret, without the secret.
var credentials = projection.View{
	Name: "credentials", Version: 3,
	Schema: `create table credentials (
		id text primary key,
		kind text not null,
		name text not null,
		grant_id text not null,
		request_id text not null,
		application_id text not null,
		organization_id text not null,
		product_id text not null,
		scopes text[] not null,
		environment text not null,
		class text not null,
		state text not null,
		reason text not null,
		ended_by text not null,
		issued_at timestamptz not null,
		issued_by text not null,
		expires_at timestamptz not null,
		ended_at timestamptz,
		redirect_uris text[] not null,
		grant_types text[] not null,
		bound_tokens boolean not null,
		imported_from text not null
	);
	create index credentials_by_application on credentials (application_id, id);
	create index credentials_by_organization on credentials (organization_id, id);
	create index credentials_by_grant on credentials (grant_id) where state in ('active','rotating');
	create table generations (
		credential_id text not null references credentials (id) on delete cascade,
		number integer not null,
		hint text not null,
		state text not null,
		reason text not null,
		created_at timestamptz not null,
		expires_at timestamptz not null,
		overlap_ends_at timestamptz,
		ended_at timestamptz,
		public_key_sha256 text not null,
		certificate_sha256 text not null,
		certificate_serial text not null,
		authority_id text not null,
		delivered_to text not null,
		fingerprint text not null,
		delivered_at timestamptz,
		primary key (credential_id, number)
	);
	create index generations_under_way on generations (credential_id, number) where delivered_to <> '' and delivered_at is null and ended_at is null;
	create index generations_by_serial on generations (certificate_serial) where certificate_serial <> ''`,
	Apply: applyCredentials,
}

// Credential is one row. State is active, rotating, leaked (no live secret), revoked or expired.
type Credential struct {
	ID             string         `db:"id"`
	Kind           string         `db:"kind"`
	Name           string         `db:"name"`
	GrantID        string         `db:"grant_id"`
	RequestID      string         `db:"request_id"`
	ApplicationID  string         `db:"application_id"`
	OrganizationID string         `db:"organization_id"`
	ProductID      string         `db:"product_id"`
	Scopes         pq.StringArray `db:"scopes"`
	Environment    string         `db:"environment"`
	Class          string         `db:"class"`
	State          string         `db:"state"`
	Reason         string         `db:"reason"`
	EndedBy        string         `db:"ended_by"`
	IssuedAt       time.Time      `db:"issued_at"`
	IssuedBy       string         `db:"issued_by"`
	ExpiresAt      time.Time      `db:"expires_at"`
	EndedAt        *time.Time     `db:"ended_at"`
	RedirectURIs   pq.StringArray `db:"redirect_uris"`
	GrantTypes     pq.StringArray `db:"grant_types"`
	BoundTokens    bool           `db:"bound_tokens"`
	ImportedFrom   string         `db:"imported_from"`
}

// Generation is one secret's row. State is active, overlap, retired, leaked or undelivered. Digests are lower-case hexadecimal, empty
// where the kind has none.
type Generation struct {
	CredentialID  string     `db:"credential_id"`
	Number        uint32     `db:"number"`
	Hint          string     `db:"hint"`
	State         string     `db:"state"`
	Reason        string     `db:"reason"`
	CreatedAt     time.Time  `db:"created_at"`
	ExpiresAt     time.Time  `db:"expires_at"`
	OverlapEndsAt *time.Time `db:"overlap_ends_at"`
	EndedAt       *time.Time `db:"ended_at"`
	LastUsedAt    *time.Time `db:"last_used_at"`

	PublicKeySHA256   string     `db:"public_key_sha256"`
	CertificateSHA256 string     `db:"certificate_sha256"`
	CertificateSerial string     `db:"certificate_serial"`
	DeliveredTo       string     `db:"delivered_to"`
	DeliveredAt       *time.Time `db:"delivered_at"`
}

func applyCredentials(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			if err := applyCredential(ctx, tx, r, fact); err != nil {
				return err
			}
		}
	}
	return nil
}

func applyCredential(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, fact any) (err error) {
	id, actor := r.Envelope.GetSubject().GetId(), r.Envelope.GetActor().GetId()
	switch e := fact.(type) {
	case *issuancev1.CredentialIssued:
		if _, err = tx.ExecContext(ctx, `insert into credentials (id, kind, name, grant_id, request_id, application_id, organization_id,
			product_id, scopes, environment, class, state, reason, ended_by, issued_at, issued_by, expires_at,
			redirect_uris, grant_types, bound_tokens, imported_from)
			values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,'active','','',$12,$13,$14,$15,$16,$17,$18) on conflict (id) do nothing`,
			id, e.Kind, e.Name, e.GrantId, e.RequestId, e.ApplicationId, e.OrganizationId, e.ProductId, pq.Array(e.Scopes),
			e.Environment, e.Class, r.Time, actor, e.ExpiresAt.AsTime(),
			texts(e.RedirectUris), texts(e.GrantTypes), e.BoundTokens, e.ImportedFrom); err != nil {
			return err
		}
		return generation(ctx, tx, id, e.Generation, e.Hint, r.Time, e.ExpiresAt.AsTime(), e.Key, e.DeliveredTo, e.Fingerprint)
	case *issuancev1.CredentialRotationStarted:
		if err = generation(ctx, tx, id, e.Generation, e.Hint, r.Time, e.ExpiresAt.AsTime(), e.Key, e.DeliveredTo, e.Fingerprint); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `update generations set state='overlap', overlap_ends_at=$3
			where credential_id=$1 and number=$2 and state='active'`, id, e.PreviousGeneration, e.OverlapEndsAt.AsTime()); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update credentials set expires_at=$2,
			state=case when $3 > 0 then 'rotating' else 'active' end where id=$1 and ended_at is null`, id, e.ExpiresAt.AsTime(), e.PreviousGeneration)
	case *issuancev1.CredentialRetired:
		if _, err = tx.ExecContext(ctx, `update generations set state='retired', reason=$3, ended_at=$4
			where credential_id=$1 and number=$2 and ended_at is null`, id, e.Generation, e.Reason, r.Time); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update credentials set state='active' where id=$1 and state='rotating'`, id)
	case *issuancev1.CredentialLeakReported:
		if _, err = tx.ExecContext(ctx, `update generations set state='leaked', reason='leak_reported', ended_at=$3
			where credential_id=$1 and number<=$2 and ended_at is null`, id, e.Generation, r.Time); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update credentials set state=case when exists
			(select 1 from generations where credential_id=$1 and ended_at is null) then 'active' else 'leaked' end
			where id=$1 and ended_at is null`, id)
	case *issuancev1.CredentialDelivered:
		_, err = tx.ExecContext(ctx, `update generations set delivered_at=$3 where credential_id=$1 and number=$2`, id, e.Generation, r.Time)
	case *issuancev1.CredentialDeliveryFailed:
		_, err = tx.ExecContext(ctx, `update generations set state='undelivered', reason=$3, ended_at=$4
			where credential_id=$1 and number=$2 and ended_at is null`, id, e.Generation, e.Reason, r.Time)
	case *issuancev1.CredentialNarrowed:
		err = narrowed(ctx, tx, id, e)
	case *issuancev1.CredentialRevoked:
		err = endOne(ctx, tx, `id=$4`, id, "revoked", e.Reason, actor, r.Time)
	case *issuancev1.CredentialExpired:
		err = endOne(ctx, tx, `id=$4`, id, "expired", "", actor, r.Time)
	// What ends an ancestor ends the credential at once; its own fact follows as a record.
	case *approvalv1.GrantRevoked:
		err = endOne(ctx, tx, `grant_id=$4`, id, "revoked", "grant_ended", actor, r.Time)
	case *approvalv1.GrantExpired:
		err = endOne(ctx, tx, `grant_id=$4`, id, "expired", "grant_ended", actor, r.Time)
	case *registryv1.ApplicationDisabled, *registryv1.ApplicationOffboarded:
		err = endOne(ctx, tx, `application_id=$4`, id, "revoked", "application_ended", actor, r.Time)
	case *identityv1.OrganizationClosed:
		err = endOne(ctx, tx, `organization_id=$4`, id, "revoked", "organization_ended", actor, r.Time)
	}
	return err
}

func generation(ctx context.Context, tx *sqlx.Tx, id string, number uint32, hint string, at, expires time.Time, key *issuancev1.KeyMaterial, store string, fingerprint []byte) error {
	_, err := tx.ExecContext(ctx, `insert into generations (credential_id, number, hint, state, reason, created_at, expires_at,
		public_key_sha256, certificate_sha256, certificate_serial, authority_id, delivered_to, fingerprint)
		values ($1,$2,$3,'active','',$4,$5,$6,$7,$8,$9,$10,$11) on conflict (credential_id, number) do nothing`, id, number, hint, at, expires,
		hex.EncodeToString(key.GetPublicKeySha256()), hex.EncodeToString(key.GetCertificateSha256()), key.GetCertificateSerial(), key.GetAuthorityId(), store, hex.EncodeToString(fingerprint))
	return err
}

func narrowed(ctx context.Context, tx *sqlx.Tx, id string, e *issuancev1.CredentialNarrowed) error {
	if _, err := tx.ExecContext(ctx, `update credentials set scopes=$2 where id=$1`, id, texts(e.Scopes)); err != nil || e.ExpiresAt == nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update generations set expires_at=least(expires_at, $3) where credential_id=$1 and number=$2`, id, e.Generation, e.ExpiresAt.AsTime()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `update credentials c set expires_at=least(c.expires_at, $3) where c.id=$1
		and $2 = (select max(number) from generations where credential_id=$1)`, id, e.Generation, e.ExpiresAt.AsTime())
	return err
}

// texts is never null.
func texts(s []string) any { return pq.Array(append([]string{}, s...)) }

func endOne(ctx context.Context, tx *sqlx.Tx, where, id, state, reason, by string, at time.Time) error {
	_, err := tx.ExecContext(ctx, `update credentials set state=$1, reason=$2, ended_by=$3, ended_at=$5 where `+where+` and ended_at is null`,
		state, reason, by, id, at)
	return err
}

const columns = `id, kind, name, grant_id, request_id, application_id, organization_id, product_id, scopes, environment, class,
	state, reason, ended_by, issued_at, issued_by, expires_at, ended_at, redirect_uris, grant_types, bound_tokens, imported_from`

// Credential returns the row and its generations, oldest first, or false where there is none.
func (r Rows) Credential(ctx context.Context, id string) (c Credential, g []Generation, found bool, err error) {
	err = r.DB.GetContext(ctx, &c, `select `+columns+` from credentials where id=$1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil, false, nil
	}
	if err != nil {
		return c, nil, false, err
	}
	g, err = r.Generations(ctx, []string{id})
	return c, g, err == nil, err
}

// Generations returns those of several credentials, by credential and number.
func (r Rows) Generations(ctx context.Context, ids []string) (g []Generation, err error) {
	err = r.DB.SelectContext(ctx, &g, `select g.credential_id, g.number, g.hint, g.state, g.reason, g.created_at, g.expires_at, g.overlap_ends_at,
		g.ended_at, g.public_key_sha256, g.certificate_sha256, g.certificate_serial, g.delivered_to, g.delivered_at, u.last_used_at from generations g left join uses u on u.credential_id = g.credential_id and u.generation = g.number
		where g.credential_id = any($1) order by g.credential_id, g.number`, pq.Array(ids))
	return g, err
}

// Filter narrows a list; empty fields do not.
type Filter struct{ OrganizationID, ApplicationID, GrantID, State string }

// Credentials returns at most limit rows after the given id, by id; ids are in order of time.
func (r Rows) Credentials(ctx context.Context, f Filter, after string, limit int) (c []Credential, err error) {
	err = r.DB.SelectContext(ctx, &c, `select `+columns+` from credentials
		where id > $1 and ($2 = '' or organization_id = $2) and ($3 = '' or application_id = $3)
		and ($4 = '' or grant_id = $4) and ($5 = '' or state = $5) order by id limit $6`,
		after, f.OrganizationID, f.ApplicationID, f.GrantID, f.State, limit)
	return c, err
}

// Longer lists the ids of a product's credentials with a live secret made before one time that lives on after another.
func (r Rows) Longer(ctx context.Context, productID string, made, until time.Time) (ids []string, err error) {
	err = r.DB.SelectContext(ctx, &ids, `select distinct c.id from credentials c join generations g on g.credential_id = c.id
		where c.product_id = $1 and c.ended_at is null and g.ended_at is null and g.created_at < $2 and g.expires_at > $3 order by c.id`, productID, made, until)
	return ids, err
}

// Under lists the ids of all credentials under a grant, an application or an organisation.
func (r Rows) Under(ctx context.Context, f Filter) (ids []string, err error) {
	err = r.DB.SelectContext(ctx, &ids, `select id from credentials
		where ($1 = '' or grant_id = $1) and ($2 = '' or application_id = $2) and ($3 = '' or organization_id = $3) order by id`,
		f.GrantID, f.ApplicationID, f.OrganizationID)
	return ids, err
}

// Key names the generation.
func (g Generation) Key() string {
	return g.CredentialID + "/" + strconv.FormatUint(uint64(g.Number), 10)
}

// UnderWay lists the generations whose secrets are on their way to a store, those of dead credentials left out.
func (r Rows) UnderWay(ctx context.Context) (g []Generation, err error) {
	err = r.DB.SelectContext(ctx, &g, `select g.credential_id, g.number, g.hint, g.state, g.created_at, g.expires_at, g.delivered_to
		from generations g join credentials c on c.id = g.credential_id
		where g.delivered_to <> '' and g.delivered_at is null and g.ended_at is null and c.ended_at is null order by g.created_at`)
	return g, err
}

// Sealed says of each secret that was to be delivered, by its fingerprint in hexadecimal, whether nothing more is to be done for it.
func (r Rows) Sealed(ctx context.Context) (map[string]bool, error) {
	var rows []struct {
		Fingerprint string `db:"fingerprint"`
		Over        bool   `db:"over"`
	}
	err := r.DB.SelectContext(ctx, &rows, `select g.fingerprint, g.delivered_at is not null or g.ended_at is not null or c.ended_at is not null as over
		from generations g join credentials c on c.id = g.credential_id where g.delivered_to <> ''`)
	out := make(map[string]bool, len(rows))
	for _, row := range rows {
		out[row.Fingerprint] = row.Over
	}
	return out, err
}
