package catalogue

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Schema is the JSON Schema (2020-12) of a type's data. Fields may be added to it; readers pass over those they do not know.
func (t Type) Schema() map[string]any {
	s := object(t.Message, nil)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = t.Title
	s["properties"].(map[string]any)["actor"] = map[string]any{
		"type": "object", "description": "who decided",
		"properties": map[string]any{"id": text(), "kind": text(), "assurance": text()},
	}
	return s
}

func text() map[string]any { return map[string]any{"type": "string"} }

func object(d protoreflect.MessageDescriptor, above []protoreflect.FullName) map[string]any {
	properties := map[string]any{}
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if Personal(f) == 0 {
			properties[string(f.Name())] = property(f, append(above, d.FullName()))
		}
	}
	return map[string]any{"type": "object", "properties": properties}
}

func property(f protoreflect.FieldDescriptor, above []protoreflect.FullName) map[string]any {
	switch {
	case f.IsMap():
		return map[string]any{"type": "object", "additionalProperties": single(f.MapValue(), above)}
	case f.IsList():
		return map[string]any{"type": "array", "items": single(f, above)}
	}
	return single(f, above)
}

func single(f protoreflect.FieldDescriptor, above []protoreflect.FullName) map[string]any {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return map[string]any{"type": "boolean"}
	case protoreflect.BytesKind:
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	case protoreflect.EnumKind:
		var names []any
		for i := range f.Enum().Values().Len() {
			names = append(names, string(f.Enum().Values().Get(i).Name()))
		}
		return map[string]any{"type": "string", "enum": names}
	case protoreflect.Int64Kind, protoreflect.Uint64Kind, protoreflect.Sint64Kind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return map[string]any{"type": "string", "pattern": "^-?[0-9]+$"} // protobuf's JSON: 64 bits are text
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return map[string]any{"type": "number"}
	case protoreflect.MessageKind, protoreflect.GroupKind:
		switch {
		case f.Message().FullName() == "google.protobuf.Timestamp":
			return map[string]any{"type": "string", "format": "date-time"}
		case f.Message().FullName() == "google.protobuf.Duration":
			return text()
		case slices.Contains(above, f.Message().FullName()):
			return map[string]any{"type": "object"}
		}
		return object(f.Message(), above)
	case protoreflect.StringKind:
		return text()
	}
	return map[string]any{"type": "integer"}
}

// Sample is a message of the type with something in every field that is not personal.
func (t Type) Sample() proto.Message {
	return sample(t.Message, 0).Interface()
}

func sample(d protoreflect.MessageDescriptor, depth int) protoreflect.Message {
	known, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		panic("a descriptor without a type: " + string(d.FullName()))
	}
	m := known.New()
	if _, ok := m.Interface().(*timestamppb.Timestamp); ok {
		return (&timestamppb.Timestamp{Seconds: 1795280531}).ProtoReflect()
	}
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		switch {
		case Personal(f) != 0, f.Message() != nil && depth > 4:
		case f.IsMap():
			m.Mutable(f).Map().Set(value(f.MapKey(), depth).MapKey(), value(f.MapValue(), depth))
		case f.IsList():
			m.Mutable(f).List().Append(value(f, depth))
		default:
			m.Set(f, value(f, depth))
		}
	}
	return m
}

func value(f protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return protoreflect.ValueOfMessage(sample(f.Message(), depth+1))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(string(f.Name()))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(f.Name()))
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
	}
	return protoreflect.ValueOfFloat64(1)
}
