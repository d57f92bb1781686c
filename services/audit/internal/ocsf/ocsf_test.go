package ocsf

import (
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/testkit"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/audit/internal/sentence"
	"github.com/chancery-dev/chancery/services/audit/ocsfcheck"

	_ "github.com/chancery-dev/chancery/proto/activity/v1"
	_ "github.com/chancery-dev/chancery/proto/approval/v1"
	_ "github.com/chancery-dev/chancery/proto/audit/v1"
	_ "github.com/chancery-dev/chancery/proto/gateway/v1"
	_ "github.com/chancery-dev/chancery/proto/identity/v1"
	_ "github.com/chancery-dev/chancery/proto/issuance/v1"
	_ "github.com/chancery-dev/chancery/proto/registry/v1"
)

// events are all messages with an audit sentence: those are the facts and observations there are.
func events() []protoreflect.MessageDescriptor {
	var all []protoreflect.MessageDescriptor
	protoregistry.GlobalTypes.RangeMessages(func(m protoreflect.MessageType) bool {
		if o, ok := m.Descriptor().Options().(*descriptorpb.MessageOptions); ok && proto.GetExtension(o, eventv1.E_Sentence) != "" {
			all = append(all, m.Descriptor())
		}
		return true
	})
	return all
}

func record(t *testing.T, fact aggregate.Event, kind string) eventlog.Recorded {
	t.Helper()
	packed, err := anypb.New(fact)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 21, 17, 2, 11, 0, time.UTC)
	return eventlog.Recorded{Sequence: 42, Time: at, Subject: "EVENTS", Facts: []aggregate.Event{fact}, Envelope: &eventv1.Envelope{
		EventId: "019aa6c2-7d1e-7c54-9b0a-5f6e0c1d2e3f", RecordedAt: timestamppb.New(at), Organization: "o1", CorrelationId: "c1",
		Actor: &eventv1.Actor{Id: "p1", Kind: "person", Session: "s1"}, Subject: &eventv1.Subject{Kind: kind, Id: "x1"},
		Source: &eventv1.Source{RequestId: "r1", Ip: "203.0.113.7", UserAgent: "test"}, Facts: []*anypb.Any{packed},
		Assurance: &eventv1.Assurance{Acr: "mfa", Amr: []string{"mfa"}},
	}}
}

func TestEveryEventHasAMappingThatIsValid(t *testing.T) { // G2
	all := events()
	if len(all) < 60 {
		t.Fatalf("only %d event types", len(all))
	}
	for _, d := range all {
		if _, ok := mappings[string(d.FullName())]; !ok {
			t.Errorf("%s has no mapping", d.FullName())
			continue
		}
		for name, fact := range map[string]aggregate.Event{"full": testkit.Sample(d), "empty": testkit.New(d, func(protoreflect.FieldDescriptor) string { return "" })} {
			for _, from := range []func(*eventlog.Recorded){func(*eventlog.Recorded) {}, func(r *eventlog.Recorded) {
				r.Envelope.Source, r.Envelope.Actor, r.Envelope.Organization = nil, nil, ""
			}} {
				r := record(t, fact, "thing")
				from(&r)
				raw, err := json.Marshal(Event(r, sentence.Type(d.FullName(), "thing")))
				if err != nil {
					t.Fatal(err)
				}
				wrong, err := ocsfcheck.Event(raw)
				if err != nil || len(wrong) > 0 {
					t.Errorf("%s, %s: %v %v", d.FullName(), name, wrong, err)
				}
			}
		}
	}
}

func TestAnUnknownEventPassesAsABaseEvent(t *testing.T) {
	r := record(t, &eventv1.Source{RequestId: "x"}, "thing")
	r.Facts[0] = nil
	raw, _ := json.Marshal(Event(r, "future.thing.Happened"))
	if wrong, err := ocsfcheck.Event(raw); err != nil || len(wrong) > 0 {
		t.Fatalf("%v %v: %s", wrong, err, raw)
	}
}

func TestTheCheckFindsWhatIsWrong(t *testing.T) {
	r := record(t, testkit.Sample(events()[0]), "thing")
	for name, change := range map[string]func(map[string]any){
		"an unknown attribute":      func(e map[string]any) { e["colour"] = "red" },
		"time in seconds":           func(e map[string]any) { e["time"] = 1763744531 },
		"another type":              func(e map[string]any) { e["type_uid"] = 1 },
		"a missing attribute":       func(e map[string]any) { delete(e, "metadata") },
		"a severity out of range":   func(e map[string]any) { e["severity_id"] = 17 },
		"a caption that disagrees":  func(e map[string]any) { e["severity"] = "Fatal" },
		"an attribute of a profile": func(e map[string]any) { e["action_id"] = 1 },
	} {
		event := Event(r, "x")
		change(event)
		raw, _ := json.Marshal(event)
		if wrong, err := ocsfcheck.Event(raw); err == nil && len(wrong) == 0 {
			t.Errorf("%s passes", name)
		}
	}
}
