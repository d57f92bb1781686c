// Package feed is the public feed of lifecycle events: CloudEvents 1.0 made of the records, without a personal value.
package feed

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
	"github.com/chancery-dev/chancery/services/audit/internal/catalogue"
	"github.com/chancery-dev/chancery/services/audit/internal/sentence"
)

// Event is one event of the feed, in the JSON format of CloudEvents 1.0.
type Event struct {
	SpecVersion string `json:"specversion"`
	// ID is the fact's: the same in every export of it. A reader that has seen it has seen the event.
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	DataSchema      string    `json:"dataschema"`
	Organization    string    `json:"organization,omitempty"`
	PartitionKey    string    `json:"partitionkey,omitempty"`
	// Sequence is the record's position in 20 digits: its order as text is the order of the log.
	Sequence      string          `json:"sequence"`
	CorrelationID string          `json:"correlationid,omitempty"`
	CausationID   string          `json:"causationid,omitempty"`
	LeafHash      string          `json:"leafhash"`
	Data          json.RawMessage `json:"data"`
}

// Sequence is a position as events carry it.
func Sequence(position uint64) string { return fmt.Sprintf("%020d", position) }

// Of is the event of a record. base is the address that names the suite in events, without a slash at its end.
func Of(base string, position uint64, raw []byte, rec *auditv1.Record, fact aggregate.Event) (Event, error) {
	e := rec.GetEnvelope()
	title := titleOf(rec)
	name := catalogue.Name(title)
	service, _, _ := strings.Cut(name, ".")
	leaf := tlog.RecordHash(raw)
	data, err := dataOf(rec, fact)
	if err != nil {
		return Event{}, err
	}
	r := eventlog.Recorded{Envelope: e}
	return Event{
		SpecVersion: "1.0", ID: r.FactID(int(rec.Index)), Source: base + "/" + service, Type: "io.chancery." + name + ".v1",
		Subject: e.GetSubject().GetKind() + "/" + e.GetSubject().GetId(), Time: rec.StoredAt.AsTime().UTC().Truncate(time.Millisecond),
		DataContentType: "application/json", DataSchema: base + "/schemas/" + name + ".v1.json", Organization: e.GetOrganization(),
		PartitionKey: e.GetSubject().GetId(), Sequence: Sequence(position), CorrelationID: e.GetCorrelationId(), CausationID: e.GetCausationId(),
		LeafHash: "sha256:" + hex.EncodeToString(leaf[:]), Data: data,
	}, nil
}

func titleOf(rec *auditv1.Record) string {
	return sentence.Type(rec.GetEnvelope().GetFacts()[0].MessageName(), rec.GetEnvelope().GetSubject().GetKind())
}

// dataOf is the fact's own fields, in the order of their names, and who decided.
func dataOf(rec *auditv1.Record, fact aggregate.Event) (json.RawMessage, error) {
	data := map[string]any{}
	if fact != nil {
		open := proto.Clone(fact)
		withoutPersonal(open.ProtoReflect())
		raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(open)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &data); err != nil {
			return nil, err
		}
	}
	actor := map[string]string{}
	for name, value := range map[string]string{
		"id": rec.Envelope.GetActor().GetId(), "kind": rec.Envelope.GetActor().GetKind(), "assurance": rec.Envelope.GetAssurance().GetAcr(),
	} {
		if value != "" {
			actor[name] = value
		}
	}
	if len(actor) > 0 {
		data["actor"] = actor
	}
	return json.Marshal(data)
}

// withoutPersonal clears what is sealed in the log anyway: a fact of an older writer might hold it open.
func withoutPersonal(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case catalogue.Personal(f) != 0:
			m.Clear(f)
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i := range v.List().Len() {
				withoutPersonal(v.List().Get(i).Message())
			}
		default:
			withoutPersonal(v.Message())
		}
		return true
	})
}

const root = "lifecycle.v1."

// subject is where an event stands in the feed: lifecycle.v1.<service>.<aggregate>.<event>.<organization or _>.<id>.
func subject(rec *auditv1.Record) string {
	e := rec.GetEnvelope()
	return root + catalogue.Name(titleOf(rec)) + "." + token(e.GetOrganization()) + "." + token(e.GetSubject().GetId())
}

// token is text as one token of a subject.
func token(text string) string {
	if text == "" {
		return "_"
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, text)
}

// Filters are the subjects of some types of event of some organisations; no organisation stands for all.
func Filters(types, organizations []string) []string {
	var out []string
	for _, t := range types {
		if len(organizations) == 0 {
			out = append(out, root+t+".*.*")
		}
		for _, o := range organizations {
			out = append(out, root+t+"."+token(o)+".*")
		}
	}
	return out
}
