// Package view holds audit's read models, each with its table, what writes it and what reads it.
package view

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/services/audit/internal/sentence"
)

// Records is what records are searched by; it holds ids alone, and the record itself stays in AUDIT.
var Records = projection.View{
	Name: "records", Version: 1,
	Schema: `create table records (
		position bigint primary key,
		id text not null,
		type text not null,
		at timestamptz not null,
		stream text not null,
		sequence bigint not null,
		actor_id text not null,
		actor_kind text not null,
		subject_kind text not null,
		subject_id text not null,
		organization_id text not null,
		application_id text not null,
		product_id text not null,
		outcome text not null,
		correlation_id text not null
	);
	create index records_by_organization on records (organization_id, position);
	create index records_by_subject on records (subject_id, position);
	create index records_by_actor on records (actor_id, position);
	create index records_by_type on records (type, position);
	create index records_by_application on records (application_id, position) where application_id <> '';
	create index records_by_time on records (at)`,
	Apply: applyRecords,
}

var columns = []string{"position", "id", "type", "at", "stream", "sequence", "actor_id", "actor_kind", "subject_kind", "subject_id",
	"organization_id", "application_id", "product_id", "outcome", "correlation_id"}

func applyRecords(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
	insert, err := tx.PrepareContext(ctx, "copy records ("+strings.Join(columns, ", ")+") from stdin")
	if err != nil {
		return err
	}
	for _, r := range batch {
		row := RowOf(r)
		if _, err := insert.ExecContext(ctx, row.Position, row.ID, row.Type, row.At, row.Stream, row.Sequence, row.ActorID, row.ActorKind,
			row.SubjectKind, row.SubjectID, row.OrganizationID, row.ApplicationID, row.ProductID, row.Outcome, row.CorrelationID); err != nil {
			return err
		}
	}
	if _, err := insert.ExecContext(ctx); err != nil {
		return err
	}
	return insert.Close()
}

// Record is one row.
type Record struct {
	Position       uint64    `db:"position"`
	ID             string    `db:"id"`
	Type           string    `db:"type"`
	At             time.Time `db:"at"`
	Stream         string    `db:"stream"`
	Sequence       uint64    `db:"sequence"`
	ActorID        string    `db:"actor_id"`
	ActorKind      string    `db:"actor_kind"`
	SubjectKind    string    `db:"subject_kind"`
	SubjectID      string    `db:"subject_id"`
	OrganizationID string    `db:"organization_id"`
	ApplicationID  string    `db:"application_id"`
	ProductID      string    `db:"product_id"`
	Outcome        string    `db:"outcome"`
	CorrelationID  string    `db:"correlation_id"`
}

// RowOf is the row of a record, as the stream is followed.
func RowOf(r eventlog.Recorded) Record {
	e, i := r.Envelope, int(number(r.Raw, 3))
	var name protoreflect.FullName
	var fact protoreflect.Message
	if r.Facts[0] != nil {
		fact = r.Facts[0].ProtoReflect()
		name = fact.Descriptor().FullName()
	} else {
		name = e.GetFacts()[0].MessageName()
	}
	row := Record{
		Position: r.Sequence, ID: r.FactID(i), Type: sentence.Type(name, e.GetSubject().GetKind()), At: r.Time, Stream: r.Subject, Sequence: number(r.Raw, 2),
		ActorID: e.GetActor().GetId(), ActorKind: e.GetActor().GetKind(), SubjectKind: e.GetSubject().GetKind(), SubjectID: e.GetSubject().GetId(),
		OrganizationID: e.GetOrganization(), Outcome: sentence.Outcome(name), CorrelationID: e.GetCorrelationId(),
		ApplicationID: field(fact, "application_id"), ProductID: field(fact, "product_id"),
	}
	if row.ApplicationID == "" && row.SubjectKind == "application" {
		row.ApplicationID = row.SubjectID
	}
	if row.ProductID == "" && row.SubjectKind == "product" {
		row.ProductID = row.SubjectID
	}
	return row
}

func field(m protoreflect.Message, name protoreflect.Name) string {
	if m == nil {
		return ""
	}
	f := m.Descriptor().Fields().ByName(name)
	if f == nil || f.Kind() != protoreflect.StringKind || f.IsList() {
		return ""
	}
	return m.Get(f).String()
}

// number is a number field of audit.v1.Record, read without decoding the rest again: 2 is the position in the record's own
// stream, 3 the fact's index in its envelope.
func number(raw []byte, field protowire.Number) uint64 {
	for len(raw) > 0 {
		tag, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return 0
		}
		raw = raw[n:]
		if tag == field && kind == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(raw)
			return v
		}
		if n = protowire.ConsumeFieldValue(tag, kind, raw); n < 0 {
			return 0
		}
		raw = raw[n:]
	}
	return 0
}

// Filter narrows a search; empty fields do not. Types may end in a star.
type Filter struct {
	Type, Actor, Subject, Organization, Application, Outcome, Correlation string
	From, To                                                              time.Time
}

const selected = `select position, id, type, at, stream, sequence, actor_id, actor_kind, subject_kind, subject_id, organization_id,
	application_id, product_id, outcome, correlation_id from records`

// Rows reads the views.
type Rows struct{ DB *sqlx.DB }

// Search returns at most limit rows after a position in the order of positions, or before it in the reverse order.
func (r Rows) Search(ctx context.Context, f Filter, from uint64, backwards bool, limit int) (rows []Record, err error) {
	like := ""
	if strings.HasSuffix(f.Type, "*") {
		like = strings.TrimSuffix(f.Type, "*")
		f.Type = ""
	}
	order := `position > $1 %s order by position limit $2`
	if backwards {
		order = `position < $1 %s order by position desc limit $2`
	}
	where := ` and ($3 = '' or type = $3) and ($4 = '' or starts_with(type, $4)) and ($5 = '' or actor_id = $5) and ($6 = '' or subject_id = $6)
		and ($7 = '' or organization_id = $7) and ($8 = '' or application_id = $8
			or subject_id in (select subject_id from records where application_id = $8 and subject_id <> '')) and ($9 = '' or outcome = $9) and ($10 = '' or correlation_id = $10)
		and ($11::timestamptz is null or at >= $11) and ($12::timestamptz is null or at < $12)`
	err = r.DB.SelectContext(ctx, &rows, selected+` where `+strings.Replace(order, "%s", where, 1), from, limit, f.Type, like, f.Actor, f.Subject,
		f.Organization, f.Application, f.Outcome, f.Correlation, orNull(f.From), orNull(f.To))
	return rows, err
}

func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// One returns the row at a position, or false.
func (r Rows) One(ctx context.Context, position uint64) (row Record, found bool, err error) {
	var rows []Record
	err = r.DB.SelectContext(ctx, &rows, selected+` where position = $1`, position)
	if err != nil || len(rows) == 0 {
		return row, false, err
	}
	return rows[0], true, nil
}

// Last is the position of the last row.
func (r Rows) Last(ctx context.Context) (position uint64, err error) {
	err = r.DB.GetContext(ctx, &position, `select coalesce(max(position), 0) from records`)
	return position, err
}

// Recorded is the position of EVENTS up to which every fact has its row.
func (r Rows) Recorded(ctx context.Context) (position uint64, err error) {
	err = r.DB.GetContext(ctx, &position, `select coalesce((select sequence from records where stream = 'EVENTS' order by position desc limit 1), 0)`)
	return position, err
}
