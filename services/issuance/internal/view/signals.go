package view

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/signal"
)

// signals is every security event there has been, not yet addressed to anybody: one row a fact that makes one.
var signals = projection.View{
	Name: "signals", Version: 1,
	Schema: `create table signals (
		position bigint not null,
		index integer not null,
		fact_id text not null,
		organization_id text not null,
		stream_id text not null,
		type text not null,
		kind text not null,
		subject_id text not null,
		session_id text not null,
		actor text not null,
		reason text not null,
		txn text not null,
		members jsonb not null,
		at timestamptz not null,
		primary key (position, index)
	);
	create index signals_by_organization on signals (organization_id, position);
	create index signals_by_stream on signals (stream_id, position) where stream_id <> ''`,
	Apply: applySignals,
}

// Signal is one security event.
type Signal struct {
	Position       uint64    `db:"position"`
	Index          int       `db:"index"`
	FactID         string    `db:"fact_id"`
	OrganizationID string    `db:"organization_id"`
	StreamID       string    `db:"stream_id"`
	Type           string    `db:"type"`
	Kind           string    `db:"kind"`
	SubjectID      string    `db:"subject_id"`
	SessionID      string    `db:"session_id"`
	Actor          string    `db:"actor"`
	Reason         string    `db:"reason"`
	Txn            string    `db:"txn"`
	Members        []byte    `db:"members"`
	At             time.Time `db:"at"`
}

// everybody stands for the organisation of what concerns all.
const everybody = "*"

func applySignals(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for i, fact := range r.Facts {
			e, stream := signal.Of(r.Envelope, fact), ""
			if v, asked := fact.(*issuancev1.SignalVerificationRequested); asked {
				stream = r.Envelope.GetSubject().GetId()
				e = &signal.Event{Type: signal.Verification, Of: signal.Subject{Kind: "signal_stream", ID: stream}}
				if v.State != "" {
					e.Members = map[string]any{"state": v.State}
				}
			}
			if e == nil {
				continue
			}
			members := []byte("{}")
			if e.Members != nil {
				var err error
				if members, err = json.Marshal(e.Members); err != nil {
					return err
				}
			}
			organization, reason := r.Envelope.GetOrganization(), ""
			if e.Everybody {
				organization = everybody
			}
			if f, has := fact.(interface{ GetReason() string }); has {
				reason = f.GetReason()
			}
			if _, err := tx.ExecContext(ctx, `insert into signals (position, index, fact_id, organization_id, stream_id, type, kind, subject_id, session_id, actor, reason, txn, members, at)
				values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14) on conflict do nothing`,
				r.Sequence, i, r.FactID(i), organization, stream, e.Type, e.Of.Kind, e.Of.ID, e.Session.ID, r.Envelope.GetActor().GetKind(), reason,
				r.Envelope.GetCorrelationId(), members, r.Time); err != nil {
				return err
			}
		}
	}
	return nil
}

// streams is who is told of them.
var streams = projection.View{
	Name: "signal_streams", Version: 1,
	Schema: `create table signal_streams (
		id text primary key,
		organization_id text not null,
		application_id text not null,
		method text not null,
		endpoint text not null,
		secret_id text not null,
		audience text not null,
		events text[] not null,
		description text not null,
		status text not null,
		reason text not null,
		removed text[] not null,
		after bigint not null,
		created_at timestamptz not null,
		created_by text not null,
		expires_at timestamptz not null,
		ended_at timestamptz
	);
	create index signal_streams_by_organization on signal_streams (organization_id, id)`,
	Apply: applyStreams,
}

// Stream is one row. Status is enabled, paused or disabled.
type Stream struct {
	ID             string         `db:"id"`
	OrganizationID string         `db:"organization_id"`
	ApplicationID  string         `db:"application_id"`
	Method         string         `db:"method"`
	Endpoint       string         `db:"endpoint"`
	SecretID       string         `db:"secret_id"`
	Audience       string         `db:"audience"`
	Events         pq.StringArray `db:"events"`
	Description    string         `db:"description"`
	Status         string         `db:"status"`
	Reason         string         `db:"reason"`
	Removed        pq.StringArray `db:"removed"`
	After          uint64         `db:"after"`
	CreatedAt      time.Time      `db:"created_at"`
	CreatedBy      string         `db:"created_by"`
	ExpiresAt      time.Time      `db:"expires_at"`
	EndedAt        *time.Time     `db:"ended_at"`
}

func applyStreams(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) (err error) {
	for _, r := range batch {
		id := r.Envelope.GetSubject().GetId()
		for _, fact := range r.Facts {
			switch e := fact.(type) {
			case *issuancev1.SignalStreamCreated:
				_, err = tx.ExecContext(ctx, `insert into signal_streams (id, organization_id, application_id, method, endpoint, secret_id, audience, events,
					description, status, reason, removed, after, created_at, created_by, expires_at)
					values ($1,$2,$3,$4,$5,$6,$7,$8,$9,'enabled','','{}',$10,$11,$12,$13) on conflict (id) do nothing`,
					id, e.OrganizationId, e.GetApplicationId(), e.Method, e.Endpoint, e.SecretId, e.Audience, pq.Array(append([]string{}, e.Events...)), e.Description,
					r.Sequence, r.Time, r.Envelope.GetActor().GetId(), e.ExpiresAt.AsTime())
			case *issuancev1.SignalStreamChanged:
				_, err = tx.ExecContext(ctx, `update signal_streams set method=$2, endpoint=$3, secret_id=$4, events=$5, description=$6 where id=$1`,
					id, e.Method, e.Endpoint, e.SecretId, pq.Array(append([]string{}, e.Events...)), e.Description)
			case *issuancev1.SignalStreamStatusChanged:
				_, err = tx.ExecContext(ctx, `update signal_streams set status=$2, reason=$3 where id=$1`, id, e.Status, e.Reason)
			case *issuancev1.SignalSubjectRemoved:
				_, err = tx.ExecContext(ctx, `update signal_streams set removed=array_append(array_remove(removed, $2), $2) where id=$1`, id, e.SubjectId)
			case *issuancev1.SignalSubjectAdded:
				_, err = tx.ExecContext(ctx, `update signal_streams set removed=array_remove(removed, $2) where id=$1`, id, e.SubjectId)
			case *issuancev1.SignalStreamEnded:
				_, err = tx.ExecContext(ctx, `update signal_streams set ended_at=$2 where id=$1 and ended_at is null`, id, r.Time)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

const streamColumns = `id, organization_id, application_id, method, endpoint, secret_id, audience, events, description, status, reason, removed, after,
	created_at, created_by, expires_at, ended_at`

// Stream returns the row, or false where there is none.
func (r Rows) Stream(ctx context.Context, id string) (s Stream, found bool, err error) {
	err = r.DB.GetContext(ctx, &s, `select `+streamColumns+` from signal_streams where id=$1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	}
	return s, err == nil, err
}

// Streams returns at most limit rows of an organisation, of all if it is empty, after the given id.
func (r Rows) Streams(ctx context.Context, organization, after string, limit int) (s []Stream, err error) {
	err = r.DB.SelectContext(ctx, &s, `select `+streamColumns+` from signal_streams where id > $1 and ($2 = '' or organization_id=$2) order by id limit $3`, after, organization, limit)
	return s, err
}

// Pushed returns every stream that is pushed and stands.
func (r Rows) Pushed(ctx context.Context) (s []Stream, err error) {
	err = r.DB.SelectContext(ctx, &s, `select `+streamColumns+` from signal_streams where method='push' and status='enabled' and ended_at is null order by id`)
	return s, err
}

// Untold returns at most limit events of a stream that its receiver has not taken yet, oldest first.
func (r Rows) Untold(ctx context.Context, s Stream, limit int) (all []Signal, err error) {
	err = r.DB.SelectContext(ctx, &all, `select g.position, g.index, g.fact_id, g.organization_id, g.stream_id, g.type, g.kind, g.subject_id, g.session_id, g.actor,
		g.reason, g.txn, g.members, g.at from signals g
		where g.position > $2 and (g.stream_id=$1 or g.stream_id='' and g.organization_id in ($3, $4)
			and (cardinality($5::text[]) = 0 or g.type = any($5)) and not g.subject_id = any($6))
		and not exists (select 1 from signal_deliveries d where d.stream_id=$1 and d.fact_id=g.fact_id)
		order by g.position, g.index limit $7`, s.ID, s.After, s.OrganizationID, everybody, pq.Array(s.Events), pq.Array(s.Removed), limit)
	return all, err
}
