package testkit

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/chancery-dev/chancery/libs/aggregate"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// EvolvesAll fails for every fact of the file that changes no state of S: neither the zero state nor one that a single
// other fact led to. Facts whose effect hangs on a word or a number are helped by samples.
func EvolvesAll[S aggregate.State[S]](t *testing.T, file protoreflect.FileDescriptor, samples ...aggregate.Event) {
	t.Helper()
	facts := append([]aggregate.Event(nil), samples...)
	var names []protoreflect.FullName
	for i := range file.Messages().Len() {
		d := file.Messages().Get(i)
		if proto.GetExtension(d.Options(), eventv1.E_Sentence).(string) == "" {
			continue
		}
		names = append(names, d.FullName())
		facts = append(facts, Sample(d))
	}
	if len(names) == 0 {
		t.Fatalf("%s holds no fact", file.Path())
	}
	for _, name := range names {
		if !changes[S](facts, name) {
			t.Errorf("%s is not evolved: no state changes by it", name)
		}
	}
}

func changes[S aggregate.State[S]](facts []aggregate.Event, name protoreflect.FullName) bool {
	var zero S
	before := []S{zero}
	for _, f := range facts {
		before = append(before, zero.Evolve(f))
	}
	for _, f := range facts {
		if f.ProtoReflect().Descriptor().FullName() != name {
			continue
		}
		for _, s := range before {
			if !reflect.DeepEqual(s, s.Evolve(f)) {
				return true
			}
		}
	}
	return false
}

// Sample is a message of type d with something in every field: "x", 1, true, one entry, at any depth.
func Sample(d protoreflect.MessageDescriptor) aggregate.Event {
	return New(d, func(protoreflect.FieldDescriptor) string { return "x" })
}

// New is a message of type d whose text fields hold what text says, and whose other fields hold 1, true or one entry.
func New(d protoreflect.MessageDescriptor, text func(protoreflect.FieldDescriptor) string) aggregate.Event {
	mt, err := registered(d)
	if err != nil {
		panic(err)
	}
	m := mt.New()
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		switch {
		case f.IsMap():
			k := scalar(f.MapKey(), text).MapKey()
			m.Mutable(f).Map().Set(k, value(f.MapValue(), text))
		case f.IsList():
			m.Mutable(f).List().Append(value(f, text))
		default:
			m.Set(f, value(f, text))
		}
	}
	return m.Interface()
}

func value(f protoreflect.FieldDescriptor, text func(protoreflect.FieldDescriptor) string) protoreflect.Value {
	if f.Message() != nil {
		return protoreflect.ValueOfMessage(New(f.Message(), text).ProtoReflect())
	}
	return scalar(f, text)
}

func scalar(f protoreflect.FieldDescriptor, text func(protoreflect.FieldDescriptor) string) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text(f))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(text(f)))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(1)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(1)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(1)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(1)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(1)
	default:
		return protoreflect.ValueOfFloat64(1)
	}
}

func registered(d protoreflect.MessageDescriptor) (protoreflect.MessageType, error) {
	return protoregistry.GlobalTypes.FindMessageByName(d.FullName())
}
