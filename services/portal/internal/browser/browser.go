// Package browser keeps which browser is in which session. It is state of the portal's own: the cookie is a random secret of
// which only a digest is stored, and no token is ever in it.
package browser

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// ErrNone says that a cookie stands for no session: unknown, over or idle for too long.
var ErrNone = errors.New("no session")

// touched is how exactly the last use is kept.
const touched = 30 * time.Second

const tables = `
create table if not exists browser_sessions (
	cookie bytea primary key,
	session_id text not null,
	person_id text not null,
	organization_id text not null,
	acr text not null,
	amr text[] not null,
	auth_time timestamptz,
	seen bigint not null,
	position bigint not null,
	expires_at timestamptz not null,
	used_at timestamptz not null);
create index if not exists browser_sessions_by_expiry on browser_sessions (expires_at)`

// Session is one browser's session. Seen is the position its sign-in rested on, Position the highest a command of it was
// answered with.
type Session struct {
	Cookie         []byte         `db:"cookie"`
	ID             string         `db:"session_id"`
	PersonID       string         `db:"person_id"`
	OrganizationID string         `db:"organization_id"`
	ACR            string         `db:"acr"`
	AMR            pq.StringArray `db:"amr"`
	AuthTime       *time.Time     `db:"auth_time"`
	Seen           uint64         `db:"seen"`
	Position       uint64         `db:"position"`
	ExpiresAt      time.Time      `db:"expires_at"`
	UsedAt         time.Time      `db:"used_at"`
}

// Ends is when the session ends if it is not used again.
func (s Session) Ends(idle time.Duration) time.Time {
	if at := s.UsedAt.Add(idle); at.Before(s.ExpiresAt) {
		return at
	}
	return s.ExpiresAt
}

// Store keeps sessions in the portal's own schema. It is safe for concurrent use by several instances.
type Store struct {
	DB   *sqlx.DB
	Idle time.Duration
}

// Prepare creates what is missing.
func (s Store) Prepare(ctx context.Context) error {
	tx, err := s.DB.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock(hashtext(current_schema() || '.browser_sessions'))`); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, tables); err != nil {
		return err
	}
	return tx.Commit()
}

func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// Open keeps a session and answers the secret the browser is to hold. What the browser held before is over.
func (s Store) Open(ctx context.Context, x Session, before string) (secret string, err error) {
	var b [32]byte
	rand.Read(b[:])
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	_, err = s.DB.ExecContext(ctx, `with gone as (delete from browser_sessions where cookie=$1)
		insert into browser_sessions (cookie, session_id, person_id, organization_id, acr, amr, auth_time, seen, position, expires_at, used_at)
		values ($2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`, digest(before), digest(secret), x.ID, x.PersonID, x.OrganizationID, x.ACR, x.AMR, x.AuthTime,
		x.Seen, x.Position, x.ExpiresAt, x.UsedAt)
	return secret, err
}

// Find gives the session of a cookie and notes that it is used.
func (s Store) Find(ctx context.Context, secret string, now time.Time) (x Session, err error) {
	if secret == "" || len(secret) > 100 {
		return x, ErrNone
	}
	err = s.DB.GetContext(ctx, &x, `select cookie, session_id, person_id, organization_id, acr, amr, auth_time, seen, position, expires_at, used_at
		from browser_sessions where cookie=$1 and expires_at>$2 and used_at>$3`, digest(secret), now, now.Add(-s.Idle))
	if errors.Is(err, sql.ErrNoRows) {
		return x, ErrNone
	}
	if err != nil || now.Sub(x.UsedAt) < touched {
		return x, err
	}
	x.UsedAt = now
	_, err = s.DB.ExecContext(ctx, `update browser_sessions set used_at=$2 where cookie=$1 and used_at<$2`, x.Cookie, now)
	return x, err
}

// Reached notes the position a command was answered with.
func (s Store) Reached(ctx context.Context, cookie []byte, position uint64) error {
	_, err := s.DB.ExecContext(ctx, `update browser_sessions set position=$2 where cookie=$1 and position<$2`, cookie, position)
	return err
}

// Close forgets a session.
func (s Store) Close(ctx context.Context, cookie []byte) error {
	_, err := s.DB.ExecContext(ctx, `delete from browser_sessions where cookie=$1`, cookie)
	return err
}

// Sweep forgets what is over, once in a while until ctx ends.
func (s Store) Sweep(ctx context.Context, clock func() time.Time) error {
	for tick := time.NewTicker(time.Minute); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return ctx.Err()
		case <-tick.C:
		}
		now := clock()
		// A database that is away for a while is no reason to stop: nothing that is over is ever found.
		_, _ = s.DB.ExecContext(ctx, `delete from browser_sessions where expires_at<$1 or used_at<$2`, now, now.Add(-s.Idle))
	}
}
