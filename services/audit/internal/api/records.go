package api

import (
	"context"
	"encoding/json"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
	"github.com/chancery-dev/chancery/services/audit/internal/ocsf"
	"github.com/chancery-dev/chancery/services/audit/internal/record"
	"github.com/chancery-dev/chancery/services/audit/internal/sentence"
	"github.com/chancery-dev/chancery/services/audit/internal/tree"
	"github.com/chancery-dev/chancery/services/audit/internal/view"
)

type party struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
}

type sourceAnswer struct {
	RequestID string `json:"request_id,omitempty"`
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
}

type recordAnswer struct {
	Position       uint64       `json:"position"`
	ID             string       `json:"id"`
	Type           string       `json:"type"`
	Time           time.Time    `json:"time"`
	Stream         string       `json:"stream" enum:"EVENTS,ACTIVITY"`
	Sequence       uint64       `json:"sequence" doc:"Position in that stream"`
	Actor          party        `json:"actor"`
	Subject        party        `json:"subject"`
	OrganizationID string       `json:"organization_id,omitempty"`
	ApplicationID  string       `json:"application_id,omitempty"`
	ProductID      string       `json:"product_id,omitempty"`
	Sentence       string       `json:"sentence"`
	Outcome        string       `json:"outcome" enum:"success,failure"`
	CorrelationID  string       `json:"correlation_id,omitempty"`
	Source         sourceAnswer `json:"source"`
	LeafHash       string       `json:"leaf_hash" doc:"RFC 6962 leaf hash of the record's bytes, base64"`
	Erased         []string     `json:"erased,omitempty" doc:"Personal values that were erased and cannot be read by anyone"`
}

type detailAnswer struct {
	recordAnswer
	JSON json.RawMessage `json:"json" doc:"The record as the log holds it, personal values opened where they may be"`
	OCSF json.RawMessage `json:"ocsf" doc:"The same as an OCSF 1.8.0 event"`
	Raw  []byte          `json:"raw" doc:"The bytes the leaf is made of, base64"`
}

type searchRequest struct {
	endpoint.Paging
	Type           string    `query:"type" maxLength:"120" doc:"As in issuance.credential.Issued; a star at the end stands for anything"`
	Actor          string    `query:"actor" maxLength:"64"`
	Subject        string    `query:"subject" maxLength:"128"`
	OrganizationID string    `query:"organization_id" maxLength:"64"`
	ApplicationID  string    `query:"application_id" maxLength:"64"`
	Outcome        string    `query:"outcome" enum:"success,failure"`
	Correlation    string    `query:"correlation_id" maxLength:"64"`
	From           time.Time `query:"from"`
	To             time.Time `query:"to"`
	Order          string    `query:"order" enum:"desc,asc" default:"desc" doc:"Newest first, or in the log's order for readers that follow it"`
	Wait           int       `query:"wait" minimum:"0" maximum:"30" doc:"With order=asc: seconds to wait for a record where there is none yet"`
	Include        uint64    `query:"include" doc:"Position of EVENTS whose facts must be recorded before the answer"`
}

func (a *api) search(ctx context.Context, in searchRequest) (endpoint.Answer[endpoint.Page[recordAnswer]], error) {
	var none endpoint.Answer[endpoint.Page[recordAnswer]]
	caller := principal.Caller(ctx)
	f := view.Filter{Type: in.Type, Actor: in.Actor, Subject: in.Subject, Organization: in.OrganizationID, Application: in.ApplicationID,
		Outcome: in.Outcome, Correlation: in.Correlation, From: in.From, To: in.To}
	if !everywhere(caller) {
		f.Organization = caller.Organization
	}
	if in.Include > 0 {
		if err := a.Written(ctx, in.Include); err != nil {
			return none, err
		}
	}
	backwards := in.Order != "asc"
	from := uint64(0)
	if backwards {
		from = 1 << 62
	}
	if err := in.Cursor(&from); err != nil {
		return none, err
	}
	rows, err := a.Rows.Search(ctx, f, from, backwards, in.Fetch())
	if err == nil && len(rows) == 0 && !backwards && in.Wait > 0 {
		rows, err = a.await(ctx, f, from, in.Fetch(), time.Duration(in.Wait)*time.Second)
	}
	if err != nil {
		return none, err
	}
	answers := make([]recordAnswer, len(rows))
	for i, row := range rows {
		if answers[i], _, _, err = a.render(ctx, row, false); err != nil {
			return none, err
		}
	}
	page := endpoint.List(in.Paging, answers, func(r recordAnswer) any { return r.Position })
	if !backwards && page.Body.Next == "" {
		// Who follows the log always gets a place to go on from.
		if len(answers) > 0 {
			from = answers[len(answers)-1].Position
		}
		page.Body.Next = endpoint.CursorAfter(from)
	}
	return page, nil
}

// await polls no row: it waits for the views to move and looks again.
func (a *api) await(ctx context.Context, f view.Filter, from uint64, limit int, patience time.Duration) ([]view.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	at := from
	for {
		if a.WaitFor(ctx, at+1) != nil {
			return nil, nil // nothing came in time
		}
		rows, err := a.Rows.Search(ctx, f, from, false, limit)
		if err != nil || len(rows) > 0 {
			return rows, err
		}
		if at, err = a.Rows.Last(ctx); err != nil {
			return nil, err
		}
	}
}

// render tells one record; personal values are opened in a detail alone, and who may read the record may read them.
func (a *api) render(ctx context.Context, row view.Record, open bool) (recordAnswer, eventlog.Recorded, *auditv1.Record, error) {
	raw, err := a.Stream.Raw(ctx, row.Position)
	if err != nil {
		return recordAnswer{}, eventlog.Recorded{}, nil, err
	}
	r, rec, err := record.Recorded(row.Position, raw)
	if err != nil {
		return recordAnswer{}, r, rec, err
	}
	answer := recordAnswer{
		Position: row.Position, ID: row.ID, Type: row.Type, Time: row.At.UTC(), Stream: row.Stream, Sequence: row.Sequence,
		Actor: party{row.ActorID, row.ActorKind}, Subject: party{row.SubjectID, row.SubjectKind}, OrganizationID: row.OrganizationID,
		ApplicationID: row.ApplicationID, ProductID: row.ProductID, Outcome: row.Outcome, CorrelationID: row.CorrelationID,
		LeafHash: tlog.RecordHash(raw).String(),
	}
	if open {
		opened, erased, err := a.Opener.Open(ctx, r)
		if err != nil {
			return answer, r, rec, err
		}
		r = opened
		for _, e := range erased {
			answer.Erased = append(answer.Erased, e.Personal.String())
		}
	}
	source := r.Envelope.GetSource()
	answer.Source = sourceAnswer{source.GetRequestId(), source.GetIp(), source.GetUserAgent()}
	answer.Sentence = sentence.Of(r.Envelope, r.Facts[len(r.Facts)-1])
	return answer, r, rec, nil
}

type byPosition struct {
	Position uint64 `path:"position"`
}

func (a *api) get(ctx context.Context, in byPosition) (endpoint.Answer[detailAnswer], error) {
	var none endpoint.Answer[detailAnswer]
	row, _, err := a.Rows.One(ctx, in.Position)
	if err != nil {
		return none, err
	}
	answer, r, rec, err := a.render(ctx, row, true)
	if err != nil {
		return none, err
	}
	rec.Envelope = r.Envelope
	event, err := json.Marshal(ocsf.Event(r, row.Type))
	if err != nil {
		return none, err
	}
	return endpoint.OK(detailAnswer{recordAnswer: answer, JSON: asJSON(rec, r), OCSF: event, Raw: r.Raw}), nil
}

// asJSON shows the fact in place of its Any and without what is sealed.
func asJSON(rec *auditv1.Record, r eventlog.Recorded) json.RawMessage {
	options := protojson.MarshalOptions{UseProtoNames: true}
	e := rec.Envelope
	out := map[string]any{
		"stream": rec.Stream, "sequence": rec.Sequence, "index": rec.Index, "stored_at": rec.StoredAt.AsTime(), "event_id": e.EventId,
		"command_id": e.CommandId, "recorded_at": e.RecordedAt.AsTime(), "organization": e.Organization, "correlation_id": e.CorrelationId,
		"causation_id": e.CausationId, "version": e.Version, "seen": e.Seen, "type": e.Facts[0].MessageName(),
	}
	for name, part := range map[string]proto.Message{"actor": e.Actor, "subject": e.Subject, "source": e.Source, "assurance": e.Assurance, "on_behalf_of": e.OnBehalfOf} {
		if raw, err := options.Marshal(part); err == nil && string(raw) != "{}" {
			out[name] = json.RawMessage(raw)
		}
	}
	if fact := r.Facts[len(r.Facts)-1]; fact != nil {
		if raw, err := options.Marshal(fact); err == nil {
			out["fact"] = json.RawMessage(raw)
		}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}

type proofRequest struct {
	Position uint64 `path:"position"`
}

type proofAnswer struct {
	LeafIndex   uint64   `json:"leaf_index"`
	LeafHash    string   `json:"leaf_hash"`
	Hashes      []string `json:"hashes" doc:"Audit path from the leaf to the root, base64"`
	Checkpoint  string   `json:"checkpoint" doc:"Signed head the path leads to"`
	VerifierKey string   `json:"verifier_key"`
}

func (a *api) proof(ctx context.Context, in proofRequest) (endpoint.Answer[proofAnswer], error) {
	var none endpoint.Answer[proofAnswer]
	text, size, err := a.Signer.Newest(ctx)
	if err == nil && uint64(size) < in.Position {
		text, size, err = a.Signer.Sign(ctx)
	}
	if err != nil {
		return none, err
	}
	leaf := int64(in.Position) - 1
	hashes := tree.Hashes(ctx, a.Rows.DB)
	path, err := tlog.ProveRecord(size, leaf, hashes)
	if err != nil {
		return none, err
	}
	own, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, leaf)})
	if err != nil {
		return none, err
	}
	answer := proofAnswer{LeafIndex: uint64(leaf), LeafHash: own[0].String(), Hashes: []string{}, Checkpoint: text, VerifierKey: a.Signer.Public()}
	for _, h := range path {
		answer.Hashes = append(answer.Hashes, h.String())
	}
	return endpoint.OK(answer), nil
}
