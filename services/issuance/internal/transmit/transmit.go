// Package transmit brings security events to whoever reads a stream: pushed (RFC 8935) or fetched (RFC 8936), each at least
// once under an id that follows from stream and fact, until the receiver has taken it.
package transmit

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/services/issuance/internal/signal"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// Secrets is the kind under which the vault keeps the Authorization headers of pushes.
const Secrets = "signal_stream"

// Fold says what is live.
type Fold interface {
	Position() uint64
	WaitFor(ctx context.Context, position uint64) error
	Live(lineage.Ref, time.Time) error
}

// Transmitter is safe for concurrent use by several instances: one of them pushes.
type Transmitter struct {
	Issuer string
	Rows   view.Rows
	DB     *sqlx.DB
	Fold   Fold
	// WaitFor returns once the views have reached a position.
	WaitFor func(ctx context.Context, position uint64) error
	// Sign is the compact form of a token under a media type.
	Sign func(ctx context.Context, typ string, claims any) (string, error)
	// Secret reads an Authorization header from the vault.
	Secret func(ctx context.Context, id string) ([]byte, error)
	Client *http.Client
	Now    func() time.Time
	Logger *slog.Logger

	rests rests
}

// What a receiver took or refused is no read model: nothing in the log tells it.
const tables = `create table if not exists signal_deliveries (
	stream_id text not null,
	fact_id text not null,
	jti text not null,
	outcome text not null,
	detail text not null,
	at timestamptz not null,
	primary key (stream_id, fact_id));
create index if not exists signal_deliveries_by_jti on signal_deliveries (stream_id, jti)`

// Prepare creates what is missing.
func (t *Transmitter) Prepare(ctx context.Context) error {
	tx, err := t.DB.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	// Two instances that create the same table at once would fail one of them.
	if _, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock(hashtext(current_schema() || '.signal_deliveries'))`); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, tables); err != nil {
		return err
	}
	return tx.Commit()
}

// live says whether a stream may still be told anything.
func (t *Transmitter) live(id string) bool {
	return t.Fold.Live(lineage.Ref{Kind: "signal_stream", ID: id}, t.Now()) == nil
}

// token makes what a stream tells of an event.
func (t *Transmitter) token(ctx context.Context, s view.Stream, e view.Signal) (id, compact string, err error) {
	var own map[string]any
	if err := json.Unmarshal(e.Members, &own); err != nil {
		return "", "", err
	}
	id = tokenID(s, e)
	compact, err = t.Sign(ctx, signal.TokenType, signal.Token{
		Issuer: t.Issuer, ID: id, IssuedAt: t.Now().Unix(), Audience: s.Audience, Txn: e.Txn,
		Subject: signal.Identifier(t.Issuer, signal.Subject{Kind: e.Kind, ID: e.SubjectID}, signal.Subject{Kind: "session", ID: e.SessionID}),
		Events:  map[string]map[string]any{e.Type: signal.Members(e.Type, e.At, e.Actor, e.Reason, own)},
	})
	return id, compact, err
}

func tokenID(s view.Stream, e view.Signal) string { return signal.TokenID(s.ID, e.FactID) }

// settle writes down that a receiver took an event, or refused it for good.
func (t *Transmitter) settle(ctx context.Context, stream, fact, jti, outcome, detail string) error {
	_, err := t.DB.ExecContext(ctx, `insert into signal_deliveries (stream_id, fact_id, jti, outcome, detail, at) values ($1,$2,$3,$4,$5,$6) on conflict do nothing`,
		stream, fact, jti, outcome, detail, t.Now())
	return err
}

// Told is how a stream stands: how many events its receiver took and refused, and how many it has not taken yet, counted
// up to a thousand.
type Told struct {
	Taken   int `json:"taken"`
	Refused int `json:"refused"`
	Waiting int `json:"waiting"`
}

// Told counts.
func (t *Transmitter) Told(ctx context.Context, s view.Stream) (n Told, err error) {
	if err := t.DB.QueryRowxContext(ctx, `select count(*) filter (where outcome='taken'), count(*) filter (where outcome='refused') from signal_deliveries where stream_id=$1`, s.ID).
		Scan(&n.Taken, &n.Refused); err != nil {
		return n, err
	}
	waiting, err := t.Rows.Untold(ctx, s, 1000)
	n.Waiting = len(waiting)
	return n, err
}
