// Package underway keeps what is under way between a client, a person and the authorization server: requests, codes, devices
// and leave to register. It is state of its own, no read model: nothing of it can be made of the log. What is kept lasts
// minutes; what comes of it are facts.
package underway

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

const (
	// PushedFor is how long a pushed request may be used (RFC 9126 §2.2).
	PushedFor = 90 * time.Second
	// RequestFor is how long a person may take to decide.
	RequestFor = 15 * time.Minute
	// CodeFor is how long a code may be redeemed (RFC 6749 §4.1.2).
	CodeFor = time.Minute
	// rememberedFor is how long a code is known after that, so that using it again is noticed.
	rememberedFor = 24 * time.Hour
)

// ErrUnknown says that there is no such thing: never was, used, or over.
var ErrUnknown = errors.New("not there, used or over")

const tables = `
create table if not exists authorization_requests (
	handle bytea primary key,
	pushed boolean not null,
	request jsonb not null,
	session_id text not null,
	form_key text not null,
	expires_at timestamptz not null);
create index if not exists authorization_requests_by_expiry on authorization_requests (expires_at);
create table if not exists authorization_codes (
	code bytea primary key,
	consent_id text not null,
	request jsonb not null,
	decision jsonb not null,
	expires_at timestamptz not null,
	forget_at timestamptz not null);
create index if not exists authorization_codes_by_end on authorization_codes (forget_at);
create table if not exists device_codes (
	device bytea primary key,
	user_code bytea not null unique,
	consent_id text not null,
	request jsonb not null,
	decision jsonb,
	state text not null,
	pause_seconds integer not null,
	polled_at timestamptz,
	expires_at timestamptz not null,
	forget_at timestamptz not null);
create index if not exists device_codes_by_end on device_codes (forget_at);
create table if not exists registrations (
	token bytea primary key,
	grant_id text not null,
	credential_id text not null,
	decision jsonb not null,
	expires_at timestamptz not null)`

// Request is what a client asks a person for.
type Request struct {
	// ClientID is a credential's id, or the name of a client of the suite itself.
	ClientID string `json:"client_id"`
	// RedirectURI is where the answer goes; Named says that the request named it, so that redeeming must too.
	RedirectURI   string   `json:"redirect_uri,omitempty"`
	Named         bool     `json:"named,omitempty"`
	State         string   `json:"state,omitempty"`
	Challenge     string   `json:"challenge,omitempty"`
	Scopes        []string `json:"scopes"`
	KeyThumbprint string   `json:"dpop_jkt,omitempty"`
	// MaxAge is how old the person's sign-in may be; negative for any.
	MaxAge int64 `json:"max_age"`
	// Login says that the person must sign in for this request.
	Login bool `json:"login,omitempty"`
	// Device is the digest of the device code the person decides about; empty for an authorization code.
	Device []byte `json:"device,omitempty"`
	// From is where a device asked from: its address and what it calls itself.
	From      string    `json:"from,omitempty"`
	Agent     string    `json:"agent,omitempty"`
	StartedAt time.Time `json:"started_at"`
}

// Decision is who allowed it, in which session, and what they rested on.
type Decision struct {
	PersonID       string    `json:"person_id"`
	OrganizationID string    `json:"organization_id"`
	SessionID      string    `json:"session_id"`
	SessionSeen    uint64    `json:"session_seen"`
	Seen           uint64    `json:"seen"`
	ACR            string    `json:"acr,omitempty"`
	AMR            []string  `json:"amr,omitempty"`
	AuthTime       time.Time `json:"auth_time"`
	IP             string    `json:"ip,omitempty"`
	UserAgent      string    `json:"user_agent,omitempty"`
	RequestID      string    `json:"request_id,omitempty"`
	CorrelationID  string    `json:"correlation_id,omitempty"`
	At             time.Time `json:"at"`
}

// Store keeps them in issuance's own schema, handles and codes as digests. Safe for concurrent use by several instances.
type Store struct{ DB *sqlx.DB }

// Prepare creates what is missing.
func (s Store) Prepare(ctx context.Context) error {
	tx, err := s.DB.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	// Two instances that create the same table at once would fail one of them.
	if _, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock(hashtext(current_schema() || '.underway'))`); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, tables); err != nil {
		return err
	}
	return tx.Commit()
}

// Handle is 256 random bits to be told to one party.
func Handle() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Digest is what is kept of a handle.
func Digest(handle string) []byte {
	sum := sha256.Sum256([]byte(handle))
	return sum[:]
}

// Push keeps a request that a client sent ahead, and gives its handle.
func (s Store) Push(ctx context.Context, r Request, now time.Time) (string, error) {
	return s.insert(ctx, r, true, now.Add(PushedFor))
}

// Open keeps a request that a person is asked about.
func (s Store) Open(ctx context.Context, r Request, now time.Time) (string, error) {
	return s.insert(ctx, r, false, now.Add(RequestFor))
}

func (s Store) insert(ctx context.Context, r Request, pushed bool, until time.Time) (string, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	handle := Handle()
	_, err = s.DB.ExecContext(ctx, `insert into authorization_requests (handle, pushed, request, session_id, form_key, expires_at) values ($1,$2,$3,'',$4,$5)`,
		Digest(handle), pushed, raw, Handle(), until)
	return handle, err
}

// Pull gives a pushed request of a client, once.
func (s Store) Pull(ctx context.Context, handle, clientID string, now time.Time) (r Request, err error) {
	var raw []byte
	err = s.DB.GetContext(ctx, &raw, `delete from authorization_requests
		where handle=$1 and pushed and request->>'client_id'=$2 and expires_at>$3 returning request`, Digest(handle), clientID, now)
	return r, read(err, raw, &r)
}

// Show gives a request to a session, and to no other from then on, with the key its form must carry.
func (s Store) Show(ctx context.Context, handle, sessionID string, now time.Time) (r Request, formKey string, err error) {
	var row struct {
		Request []byte `db:"request"`
		FormKey string `db:"form_key"`
	}
	err = s.DB.GetContext(ctx, &row, `update authorization_requests set session_id=$2
		where handle=$1 and not pushed and session_id in ('', $2) and expires_at>$3 returning request, form_key`, Digest(handle), sessionID, now)
	return r, row.FormKey, read(err, row.Request, &r)
}

// Close ends a request that was shown to a session, once.
func (s Store) Close(ctx context.Context, handle, sessionID, formKey string, now time.Time) (r Request, err error) {
	var raw []byte
	err = s.DB.GetContext(ctx, &raw, `delete from authorization_requests
		where handle=$1 and not pushed and session_id=$2 and form_key=$3 and expires_at>$4 returning request`, Digest(handle), sessionID, formKey, now)
	return r, read(err, raw, &r)
}

// Code is what an authorization code or a device code stands for.
type Code struct {
	ConsentID string
	Request   Request
	Decision  Decision
	ExpiresAt time.Time
}

// Allow keeps what a new authorization code stands for.
func (s Store) Allow(ctx context.Context, code string, c Code, now time.Time) error {
	request, err := json.Marshal(c.Request)
	if err != nil {
		return err
	}
	decision, err := json.Marshal(c.Decision)
	if err != nil {
		return err
	}
	_, err = s.DB.ExecContext(ctx, `insert into authorization_codes (code, consent_id, request, decision, expires_at, forget_at) values ($1,$2,$3,$4,$5,$6)`,
		Digest(code), c.ConsentID, request, decision, now.Add(CodeFor), now.Add(rememberedFor))
	return err
}

// Code gives what a code stands for or, after its time, stood for.
func (s Store) Code(ctx context.Context, code string, now time.Time) (c Code, err error) {
	var row struct {
		ConsentID string    `db:"consent_id"`
		Request   []byte    `db:"request"`
		Decision  []byte    `db:"decision"`
		ExpiresAt time.Time `db:"expires_at"`
	}
	err = s.DB.GetContext(ctx, &row, `select consent_id, request, decision, expires_at from authorization_codes where code=$1 and forget_at>$2`, Digest(code), now)
	c.ConsentID, c.ExpiresAt = row.ConsentID, row.ExpiresAt
	if err = read(err, row.Request, &c.Request); err == nil {
		err = json.Unmarshal(row.Decision, &c.Decision)
	}
	return c, err
}

func read(err error, raw []byte, into any) error {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrUnknown
	case err != nil:
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("what is under way cannot be read: %w", err)
	}
	return nil
}

// Sweep forgets what is over, once in a while until ctx ends.
func (s Store) Sweep(ctx context.Context, clock func() time.Time) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		// A database that is away for a while is no reason to stop: nothing that is over is ever found.
		_, _ = s.DB.ExecContext(ctx, `delete from authorization_requests where expires_at<$1`, clock())
		_, _ = s.DB.ExecContext(ctx, `delete from authorization_codes where forget_at<$1`, clock())
		_, _ = s.DB.ExecContext(ctx, `delete from device_codes where forget_at<$1`, clock())
		_, _ = s.DB.ExecContext(ctx, `delete from registrations where expires_at<$1`, clock())
	}
}
