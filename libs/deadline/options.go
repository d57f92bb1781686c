package deadline

import (
	"fmt"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// FromOptions reads due times off the options of the facts of these services: due and lapses set them, ends removes them.
func FromOptions(services ...string) Changes {
	return func(r eventlog.Recorded, _ int, fact aggregate.Event) []Change {
		if !slices.Contains(services, r.Service()) {
			return nil
		}
		return Of(r.Envelope.GetSubject().GetId(), fact)
	}
}

// Of is what the options of a fact about subject say of due times.
func Of(subject string, fact aggregate.Event) []Change {
	m := fact.ProtoReflect()
	d := m.Descriptor()
	var out []Change
	for _, e := range extension[[]*eventv1.Effect](d.Options(), eventv1.E_Ends) {
		if len(e.GetReaches()) == 0 || slices.Contains(e.GetReaches(), e.GetKind()) {
			out = append(out, ended(m, subject, e)...)
		}
	}
	births := extension[[]*eventv1.Birth](d.Options(), eventv1.E_Creates)
	for i := range d.Fields().Len() {
		field := d.Fields().Get(i)
		if !m.Has(field) {
			continue
		}
		if kind := extension[string](field.Options(), eventv1.E_Due); kind != "" {
			out = append(out, due(m, subject, kind, births, moment(m, field)))
		}
		if l := extension[*eventv1.Lapse](field.Options(), eventv1.E_Lapses); l != nil {
			for _, id := range named(m, subject, l.GetField()) {
				out = append(out, Change{Rule: Shorten, Kind: l.GetKind(), ID: id, At: moment(m, field).AsTime()})
			}
		}
	}
	return out
}

func due(m protoreflect.Message, subject, kind string, births []*eventv1.Birth, at *timestamppb.Timestamp) Change {
	for _, b := range births {
		if b.GetKind() == kind {
			return Change{Rule: Set, Kind: kind, ID: named(m, subject, b.GetField())[0], At: at.AsTime()}
		}
	}
	rule := Move
	if !created()[kind] {
		rule = MoveOrSet // a time that only this engine watches
	}
	return Change{Rule: rule, Kind: kind, ID: subject, At: at.AsTime()}
}

func ended(m protoreflect.Message, subject string, e *eventv1.Effect) (out []Change) {
	if e.GetUpTo() {
		n := m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(e.GetField()))).Uint()
		for i := uint64(1); i <= n; i++ {
			out = append(out, Change{Rule: End, ID: fmt.Sprintf("%s/%d", subject, i)})
		}
		return out
	}
	for _, id := range named(m, subject, e.GetField()) {
		out = append(out, Change{Rule: End, ID: id})
	}
	return out
}

// named are the ids a field holds: the subject's own without a field, a numbered part of it for a number.
func named(m protoreflect.Message, subject, field string) []string {
	if field == "" {
		return []string{subject}
	}
	d := m.Descriptor().Fields().ByName(protoreflect.Name(field))
	if d.IsList() {
		list := m.Get(d).List()
		out := make([]string, list.Len())
		for i := range out {
			out[i] = list.Get(i).String()
		}
		return out
	}
	if d.Kind() == protoreflect.StringKind {
		return []string{m.Get(d).String()}
	}
	return []string{fmt.Sprintf("%s/%d", subject, m.Get(d).Uint())}
}

func moment(m protoreflect.Message, field protoreflect.FieldDescriptor) *timestamppb.Timestamp {
	at, _ := m.Get(field).Message().Interface().(*timestamppb.Timestamp)
	return at
}

// created are the kinds of node that some fact this program knows creates.
var created = sync.OnceValue(func() map[string]bool {
	kinds := map[string]bool{}
	protoregistry.GlobalTypes.RangeMessages(func(t protoreflect.MessageType) bool {
		for _, b := range extension[[]*eventv1.Birth](t.Descriptor().Options(), eventv1.E_Creates) {
			kinds[b.GetKind()] = true
		}
		return true
	})
	return kinds
})

func extension[T any](options protoreflect.ProtoMessage, x protoreflect.ExtensionType) (value T) {
	if options == nil || !options.ProtoReflect().IsValid() || !proto.HasExtension(options, x) {
		return value
	}
	value, _ = proto.GetExtension(options, x).(T)
	return value
}
