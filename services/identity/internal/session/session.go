// Package session keeps what identity knows of sign-ins: those under way, the sessions that came of them, and the codes by
// which the portal fetches a session once. It is state of its own, no read model: nothing of it can be made of the log.
// Whether a session still stands is not asked here but of the fold of EVENTS.
package session

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const (
	// SignInFor is how long a person may take at their identity provider.
	SignInFor = 15 * time.Minute
	// HandoffFor is how long a session may be fetched.
	HandoffFor = time.Minute
	// KeptFor is how long the row of a session that is over stays.
	KeptFor = 90 * 24 * time.Hour
)

// ErrUnknown says that there is no such sign-in, session or code: never was, used, or over.
var ErrUnknown = errors.New("not there, used or over")

const tables = `
create table if not exists sign_ins (
	state bytea primary key,
	binding bytea not null,
	organization_id text not null,
	nonce text not null,
	verifier text not null,
	return_to text not null,
	session_id text not null,
	started_at timestamptz not null,
	expires_at timestamptz not null);
create index if not exists sign_ins_by_expiry on sign_ins (expires_at);
create table if not exists sessions (
	id text primary key,
	person_id text not null,
	organization_id text not null,
	issuer text not null,
	acr text not null,
	amr text[] not null,
	auth_time timestamptz,
	started_at timestamptz not null,
	expires_at timestamptz not null,
	seen bigint not null,
	ip text not null,
	user_agent text not null);
create index if not exists sessions_by_person on sessions (person_id, started_at desc);
create index if not exists sessions_by_expiry on sessions (expires_at);
create table if not exists handoffs (
	code bytea primary key,
	session_id text not null references sessions (id) on delete cascade,
	expires_at timestamptz not null)`

// Store keeps them in identity's own schema. It is safe for concurrent use by several instances.
type Store struct{ DB *sqlx.DB }

// Prepare creates what is missing.
func (s Store) Prepare(ctx context.Context) error {
	tx, err := s.DB.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	// Two instances that create the same table at once would fail one of them.
	if _, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock(hashtext(current_schema() || '.sessions'))`); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, tables+";"+signalTables); err != nil {
		return err
	}
	return tx.Commit()
}

// SignIn is one sign-in under way; with a SessionID it confirms that session anew.
type SignIn struct {
	OrganizationID string    `db:"organization_id"`
	Nonce          string    `db:"nonce"`
	Verifier       string    `db:"verifier"`
	ReturnTo       string    `db:"return_to"`
	SessionID      string    `db:"session_id"`
	StartedAt      time.Time `db:"started_at"`
}

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// Begin keeps a sign-in under its state, bound to a browser.
func (s Store) Begin(ctx context.Context, state, binding string, in SignIn) error {
	_, err := s.DB.ExecContext(ctx, `insert into sign_ins (state, binding, organization_id, nonce, verifier, return_to, session_id, started_at, expires_at)
		values ($1,$2,$3,$4,$5,$6,$7,$8,$9)`, digest(state), digest(binding), in.OrganizationID, in.Nonce, in.Verifier, in.ReturnTo, in.SessionID,
		in.StartedAt, in.StartedAt.Add(SignInFor))
	return err
}

// Take ends the sign-in of a state, in the browser it began in and nowhere else, once.
func (s Store) Take(ctx context.Context, state, binding string, now time.Time) (in SignIn, err error) {
	err = s.DB.GetContext(ctx, &in, `delete from sign_ins where state=$1 and binding=$2 and expires_at>$3
		returning organization_id, nonce, verifier, return_to, session_id, started_at`, digest(state), digest(binding), now)
	return in, known(err)
}

// Session is one row.
type Session struct {
	ID             string         `db:"id"`
	PersonID       string         `db:"person_id"`
	OrganizationID string         `db:"organization_id"`
	Issuer         string         `db:"issuer"`
	ACR            string         `db:"acr"`
	AMR            pq.StringArray `db:"amr"`
	AuthTime       *time.Time     `db:"auth_time"`
	StartedAt      time.Time      `db:"started_at"`
	ExpiresAt      time.Time      `db:"expires_at"`
	Seen           uint64         `db:"seen"` // position of the fold the sign-in rested on
	IP             string         `db:"ip"`
	UserAgent      string         `db:"user_agent"`
}

const columns = `id, person_id, organization_id, issuer, acr, amr, auth_time, started_at, expires_at, seen, ip, user_agent`

// Start keeps a new session and the code by which it is fetched.
func (s Store) Start(ctx context.Context, x Session, code string) error {
	return s.write(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `insert into sessions (`+columns+`) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`,
			x.ID, x.PersonID, x.OrganizationID, x.Issuer, x.ACR, x.AMR, x.AuthTime, x.StartedAt, x.ExpiresAt, x.Seen, x.IP, x.UserAgent)
		if err != nil {
			return err
		}
		return handOff(ctx, tx, code, x.ID, x.StartedAt)
	})
}

// Confirm raises how surely the person of a session is known, and keeps a code by which it is fetched again.
func (s Store) Confirm(ctx context.Context, id, acr string, amr []string, authTime, now time.Time, code string) error {
	return s.write(ctx, func(tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, `update sessions set acr=$2, amr=$3, auth_time=$4 where id=$1 and expires_at>$5`, id, acr, pq.Array(amr), authTime, now)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return errors.Join(ErrUnknown, err)
		}
		return handOff(ctx, tx, code, id, now)
	})
}

func (s Store) write(ctx context.Context, f func(*sqlx.Tx) error) error {
	tx, err := s.DB.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func handOff(ctx context.Context, tx *sqlx.Tx, code, id string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `insert into handoffs (code, session_id, expires_at) values ($1,$2,$3)`, digest(code), id, now.Add(HandoffFor))
	return err
}

// Redeem gives the session of a code, once.
func (s Store) Redeem(ctx context.Context, code string, now time.Time) (x Session, err error) {
	err = s.DB.GetContext(ctx, &x, `with used as (delete from handoffs where code=$1 and expires_at>$2 returning session_id)
		select `+columns+` from sessions where id = (select session_id from used) and expires_at>$2`, digest(code), now)
	return x, known(err)
}

// Find gives a session that has not expired.
func (s Store) Find(ctx context.Context, id string, now time.Time) (x Session, err error) {
	err = s.DB.GetContext(ctx, &x, `select `+columns+` from sessions where id=$1 and expires_at>$2`, id, now)
	return x, known(err)
}

// Of lists a person's sessions that have not expired, newest first.
func (s Store) Of(ctx context.Context, personID string, now time.Time, limit int) (all []Session, err error) {
	err = s.DB.SelectContext(ctx, &all, `select `+columns+` from sessions where person_id=$1 and expires_at>$2
		order by started_at desc, id limit $3`, personID, now, limit)
	return all, err
}

// LastSignIns is when each of the people last signed in, as far as rows are kept.
func (s Store) LastSignIns(ctx context.Context, people []string) (map[string]time.Time, error) {
	var rows []struct {
		PersonID string    `db:"person_id"`
		At       time.Time `db:"at"`
	}
	err := s.DB.SelectContext(ctx, &rows, `select person_id, max(started_at) as at from sessions where person_id = any($1) group by person_id`, pq.Array(people))
	last := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		last[r.PersonID] = r.At
	}
	return last, err
}

// Forget takes out everything kept of a person.
func (s Store) Forget(ctx context.Context, personID string) error {
	_, err := s.DB.ExecContext(ctx, `delete from sessions where person_id=$1`, personID)
	return err
}

// Sweep takes out what nobody can use any more.
func (s Store) Sweep(ctx context.Context, now time.Time) error {
	for _, query := range []string{`delete from sign_ins where expires_at<$1`, `delete from handoffs where expires_at<$1`} {
		if _, err := s.DB.ExecContext(ctx, query, now); err != nil {
			return err
		}
	}
	_, err := s.DB.ExecContext(ctx, `delete from sessions where expires_at<$1`, now.Add(-KeptFor))
	return err
}

func known(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrUnknown
	}
	return err
}
