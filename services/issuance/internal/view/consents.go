package view

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// consents is whom people let act for them, without a token.
var consents = projection.View{
	Name: "consents", Version: 1,
	Schema: `create table consents (
		id text primary key,
		person_id text not null,
		credential_id text not null,
		own_client text not null,
		application_id text not null,
		organization_id text not null,
		product_id text not null,
		scopes text[] not null,
		flow text not null,
		bound boolean not null,
		given_at timestamptz not null,
		expires_at timestamptz not null,
		session_id text not null,
		refreshes integer not null,
		refreshed_at timestamptz,
		state text not null,
		reason text not null,
		ended_by text not null,
		ended_at timestamptz
	);
	create index consents_by_person on consents (person_id, id);
	create index consents_by_organization on consents (organization_id, id);
	create index consents_by_credential on consents (credential_id) where ended_at is null`,
	Apply: applyConsents,
}

// Consent is one row. State is active, ended (by reuse or revocation) or expired.
type Consent struct {
	ID             string         `db:"id"`
	PersonID       string         `db:"person_id"`
	CredentialID   string         `db:"credential_id"`
	OwnClient      string         `db:"own_client"`
	ApplicationID  string         `db:"application_id"`
	OrganizationID string         `db:"organization_id"`
	ProductID      string         `db:"product_id"`
	Scopes         pq.StringArray `db:"scopes"`
	Flow           string         `db:"flow"`
	Bound          bool           `db:"bound"`
	GivenAt        time.Time      `db:"given_at"`
	ExpiresAt      time.Time      `db:"expires_at"`
	Refreshes      int            `db:"refreshes"`
	RefreshedAt    *time.Time     `db:"refreshed_at"`
	State          string         `db:"state"`
	Reason         string         `db:"reason"`
	EndedBy        string         `db:"ended_by"`
	EndedAt        *time.Time     `db:"ended_at"`
}

func applyConsents(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			if err := applyConsent(ctx, tx, r, fact); err != nil {
				return err
			}
		}
	}
	return nil
}

func applyConsent(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, fact any) (err error) {
	id, actor := r.Envelope.GetSubject().GetId(), r.Envelope.GetActor()
	end := func(state, reason string) error {
		_, err := tx.ExecContext(ctx, `update consents set state=$2, reason=$3, ended_by=$4, ended_at=$5 where id=$1 and ended_at is null`,
			id, state, reason, actor.GetId(), r.Time)
		return err
	}
	switch e := fact.(type) {
	case *issuancev1.ConsentGiven:
		_, err = tx.ExecContext(ctx, `insert into consents (id, person_id, credential_id, own_client, application_id, organization_id, product_id,
			scopes, flow, bound, given_at, expires_at, session_id, refreshes, state, reason, ended_by)
			values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,0,'active','','') on conflict (id) do nothing`,
			id, e.PersonId, e.GetCredentialId(), e.OwnClient, e.ApplicationId, e.OrganizationId, e.ProductId, pq.Array(append([]string{}, e.Scopes...)), e.Flow,
			e.KeyThumbprint != "", r.Time, e.ExpiresAt.AsTime(), actor.GetSession())
	case *issuancev1.ConsentRefreshed:
		_, err = tx.ExecContext(ctx, `update consents set refreshes=$2, refreshed_at=$3 where id=$1`, id, int(e.Number)-1, r.Time)
	case *issuancev1.ConsentReuseDetected:
		err = end("ended", "reuse_detected")
	case *issuancev1.ConsentRevoked:
		err = end("ended", e.Reason)
	case *issuancev1.ConsentExpired:
		err = end("expired", "")
	}
	return err
}

const consentColumns = `id, person_id, credential_id, own_client, application_id, organization_id, product_id, scopes, flow, bound, given_at,
	expires_at, refreshes, refreshed_at, state, reason, ended_by, ended_at`

// Consent returns the row, or false where there is none.
func (r Rows) Consent(ctx context.Context, id string) (c Consent, found bool, err error) {
	err = r.DB.GetContext(ctx, &c, `select `+consentColumns+` from consents where id=$1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, err
}

// ConsentFilter narrows a list: what a person gave or what lies with an organisation's applications, both empty for all.
type ConsentFilter struct{ PersonID, OrganizationID, ApplicationID, State string }

// Consents returns at most limit rows after the given id, by id; ids are in order of time.
func (r Rows) Consents(ctx context.Context, f ConsentFilter, after string, limit int) (c []Consent, err error) {
	err = r.DB.SelectContext(ctx, &c, `select `+consentColumns+` from consents
		where id > $1 and ($2 = '' and $3 = '' or $2 <> '' and person_id = $2 or $3 <> '' and organization_id = $3)
		and ($4 = '' or application_id = $4) and ($5 = '' or state = $5) order by id limit $6`,
		after, f.PersonID, f.OrganizationID, f.ApplicationID, f.State, limit)
	return c, err
}

// OpenConsents lists the ids of consents not recorded as ended: those of a person and those of a credential.
func (r Rows) OpenConsents(ctx context.Context, personID, credentialID string) (ids []string, err error) {
	err = r.DB.SelectContext(ctx, &ids, `select id from consents where ended_at is null
		and ($1 <> '' and person_id = $1 or $2 <> '' and credential_id = $2) order by id`, personID, credentialID)
	return ids, err
}

// OwnConsents lists the ids of consents of a person for clients of the suite itself, given by a moment and not recorded as ended.
func (r Rows) OwnConsents(ctx context.Context, personID string, by time.Time) (ids []string, err error) {
	err = r.DB.SelectContext(ctx, &ids, `select id from consents where ended_at is null and person_id = $1 and own_client <> '' and given_at <= $2 order by id`,
		personID, by)
	return ids, err
}
