package feed

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/audit/internal/catalogue"
)

// Sample is an event of a type with something in every field.
func Sample(base string, t catalogue.Type) (Event, error) {
	fact := t.Sample()
	packed, err := anypb.New(fact)
	if err != nil {
		return Event{}, fmt.Errorf("%s: %w", t.Name, err)
	}
	at := &timestamppb.Timestamp{Seconds: 1795280531, Nanos: 482e6}
	rec := &auditv1.Record{Stream: "EVENTS", Sequence: 104, StoredAt: at, Envelope: &eventv1.Envelope{
		EventId: "019aa6c2-7d1e-7c54-9b0a-5f6e0c1d2e3f", RecordedAt: at, Organization: "6f0e1f6a-4c86-4e0a-a9b1-0d2f6b0c9d11",
		Actor: &eventv1.Actor{Id: "0b8f2d0c-93f1-4f5e-8c5b-7f1f3d2a1e44", Kind: "person"}, Assurance: &eventv1.Assurance{Acr: "mfa"},
		Subject: &eventv1.Subject{Kind: t.Kind, Id: "019aa5f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b"}, CorrelationId: "019aa6c2-7d1e-7c54-9b0a-000000000000",
		Facts: []*anypb.Any{packed},
	}}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(rec)
	if err != nil {
		return Event{}, err
	}
	return Of(base, 233, raw, rec, fact)
}
