package ocsf

import (
	"encoding/json"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/audit/internal/sentence"
)

// Version is the schema's.
const Version = "1.8.0"

type object = map[string]any

// builder makes one event.
type builder struct {
	r     eventlog.Recorded
	e     *eventv1.Envelope
	fact  protoreflect.Message // nil for a type this version does not know
	event object
	kind  string
}

// Event renders a record. name is its type as people see it. A type without a mapping is a base event that loses nothing.
func Event(r eventlog.Recorded, name string) object {
	b := &builder{r: r, e: r.Envelope, kind: name}
	full := string(r.Envelope.GetFacts()[0].MessageName())
	if fact := r.Facts[len(r.Facts)-1]; fact != nil {
		b.fact = fact.ProtoReflect()
	}
	m, known := mappings[full]
	if !known {
		m = mapping{base, other(name), informational, "", false}
	}
	b.common(m)
	m.class.fill(b, m)
	return b.event
}

func (b *builder) common(m mapping) {
	status, word := 1, "Success"
	if m.failed {
		status, word = 2, "Failure"
	}
	b.event = object{
		"activity_id": m.activity.id, "activity_name": m.activity.name, "category_uid": m.class.category, "category_name": m.class.categoryName,
		"class_uid": m.class.uid, "class_name": m.class.name, "type_uid": m.class.uid*100 + m.activity.id,
		"type_name": m.class.name + ": " + m.activity.name, "severity_id": m.severity, "severity": severities[m.severity],
		"time": b.r.Time.UnixMilli(), "timezone_offset": 0, "status_id": status, "status": word, "message": b.sentence(),
	}
	metadata := object{
		"version": Version, "product": object{"name": "Chancery", "vendor_name": "Chancery"}, "uid": b.r.FactID(len(b.r.Facts) - 1),
		"sequence": b.r.Sequence, "event_code": b.kind, "log_name": b.r.Subject, "logged_time": b.r.Time.UnixMilli(),
		"original_time": b.e.GetRecordedAt().AsTime().UTC().Format(time.RFC3339Nano),
	}
	put(metadata, "tenant_uid", b.e.GetOrganization())
	put(metadata, "correlation_uid", b.e.GetCorrelationId())
	b.event["metadata"] = metadata
	if b.number("count") > 0 {
		b.event["count"] = b.number("count")
	}
	if m.class.uid != 0 {
		b.event["actor"] = b.actor()
		if source := b.e.GetSource(); source.GetIp() != "" || m.class.uid == 6003 {
			b.event["src_endpoint"] = endpointOf(source)
		}
		if source := b.e.GetSource(); source.GetRequestId() != "" && m.class.uid != 1008 {
			request := object{"uid": source.GetRequestId()}
			put(request, "user_agent", source.GetUserAgent())
			b.event["http_request"] = request
		}
	}
	b.event["unmapped"] = b.unmapped()
}

var severities = []string{"Unknown", "Informational", "Low", "Medium", "High", "Critical"}

func put(into object, name, value string) {
	if value != "" {
		into[name] = value
	}
}

func endpointOf(source *eventv1.Source) object {
	if source.GetIp() == "" {
		return object{"name": "not recorded"}
	}
	return object{"ip": source.GetIp()}
}

func (b *builder) sentence() string {
	if b.fact == nil {
		return b.kind
	}
	return sentence.Of(b.e, b.fact.Interface())
}

func (b *builder) actor() object {
	a := b.e.GetActor()
	if a.GetId() == "" {
		return object{"app_name": "unauthenticated"}
	}
	user := object{"uid": a.GetId(), "type_id": 1, "type": "User"}
	if a.GetKind() != "person" {
		user["type_id"], user["type"] = 4, "Service"
	}
	actor := object{"user": user}
	if a.GetSession() != "" {
		actor["session"] = object{"uid": a.GetSession()}
	}
	return actor
}

func (b *builder) field(name string) (protoreflect.Value, protoreflect.FieldDescriptor) {
	if b.fact == nil {
		return protoreflect.Value{}, nil
	}
	f := b.fact.Descriptor().Fields().ByName(protoreflect.Name(name))
	if f == nil {
		return protoreflect.Value{}, nil
	}
	return b.fact.Get(f), f
}

func (b *builder) text(name string) string {
	if v, f := b.field(name); f != nil && f.Kind() == protoreflect.StringKind && !f.IsList() {
		return v.String()
	}
	return ""
}

func (b *builder) number(name string) int64 {
	v, f := b.field(name)
	if f == nil || f.IsList() {
		return 0
	}
	switch f.Kind() {
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		return int64(v.Uint())
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return v.Int()
	}
	return 0
}

func (b *builder) list(name string) []string {
	v, f := b.field(name)
	if f == nil || !f.IsList() || f.Kind() != protoreflect.StringKind {
		return nil
	}
	var out []string
	for i := range v.List().Len() {
		out = append(out, v.List().Get(i).String())
	}
	return out
}

func (b *builder) millis(name string) int64 {
	v, f := b.field(name)
	if f == nil || f.Kind() != protoreflect.MessageKind || f.IsList() || !v.Message().IsValid() {
		return 0
	}
	if at, ok := v.Message().Interface().(*timestamppb.Timestamp); ok {
		return at.AsTime().UnixMilli()
	}
	return 0
}

// unmapped is the whole fact as the contract has it: nothing is lost in the mapping.
func (b *builder) unmapped() object {
	out := object{"subject_kind": b.e.GetSubject().GetKind(), "subject_uid": b.e.GetSubject().GetId(), "seen": b.e.GetSeen()}
	if b.e.GetAssurance().GetAcr() != "" {
		out["acr"], out["amr"] = b.e.GetAssurance().GetAcr(), strings.Join(b.e.GetAssurance().GetAmr(), " ")
	}
	if b.fact == nil {
		out["fact_type"], out["fact"] = string(b.e.GetFacts()[0].MessageName()), b.e.GetFacts()[0].GetValue()
		return out
	}
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(b.fact.Interface())
	if err == nil {
		out["fact"] = json.RawMessage(raw)
	}
	return out
}
