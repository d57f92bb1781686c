// Package sentence tells what a record says in a person's words, from the contract's own options.
package sentence

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// Type is what an event is called by people and in every export: issuance.credential.Issued, activity as
// gateway.access.Denied where the subject's kind does not begin its name.
func Type(name protoreflect.FullName, kind string) string {
	service, _, _ := strings.Cut(string(name), ".")
	short := string(name.Name())
	prefix := camel(kind)
	if kind != "" && strings.HasPrefix(short, prefix) && len(short) > len(prefix) {
		return service + "." + kind + "." + short[len(prefix):]
	}
	words := split(short)
	if len(words) < 2 {
		return service + "." + strings.ToLower(short)
	}
	return service + "." + strings.ToLower(strings.Join(words[:len(words)-1], "_")) + "." + words[len(words)-1]
}

func camel(kind string) string {
	var b strings.Builder
	for _, part := range strings.Split(kind, "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}

func split(name string) []string {
	var words []string
	start := 0
	for i, r := range name {
		if i > start && unicode.IsUpper(r) {
			words, start = append(words, name[start:i]), i
		}
	}
	return append(words, name[start:])
}

// Outcome is success, or failure for what tells of a refusal.
func Outcome(name protoreflect.FullName) string {
	switch short := string(name.Name()); {
	case strings.HasSuffix(short, "Failed"), strings.HasSuffix(short, "Rejected"), strings.HasSuffix(short, "Refused"), strings.HasSuffix(short, "Denied"):
		return "failure"
	}
	return "success"
}

var place = regexp.MustCompile(`\{([a-z_]+)\}`)

// Of is the sentence of a fact, with ids where the contract has places; what is sealed and not opened stays a dash.
func Of(e *eventv1.Envelope, fact proto.Message) string {
	if fact == nil {
		return "something this version does not know"
	}
	m := fact.ProtoReflect()
	options, _ := m.Descriptor().Options().(*descriptorpb.MessageOptions)
	text, _ := proto.GetExtension(options, eventv1.E_Sentence).(string)
	return place.ReplaceAllStringFunc(text, func(found string) string {
		switch name := found[1 : len(found)-1]; name {
		case "actor":
			return or(e.GetActor().GetId())
		case "subject":
			return strings.ReplaceAll(e.GetSubject().GetKind(), "_", " ") + " " + e.GetSubject().GetId()
		default:
			f := m.Descriptor().Fields().ByName(protoreflect.Name(name))
			if f == nil {
				return "—"
			}
			return or(value(f, m.Get(f)))
		}
	})
}

func or(text string) string {
	if text == "" {
		return "—"
	}
	return text
}

func value(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case f.IsList():
		var all []string
		for i := range v.List().Len() {
			all = append(all, single(f, v.List().Get(i)))
		}
		return strings.Join(all, ", ")
	case f.IsMap():
		return ""
	}
	return single(f, v)
}

func single(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if f.Kind() == protoreflect.MessageKind {
		m := v.Message()
		if at, ok := m.Interface().(*timestamppb.Timestamp); ok {
			if !m.IsValid() {
				return ""
			}
			return at.AsTime().UTC().Format(time.RFC3339)
		}
		var parts []string
		m.Range(func(inner protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			if text := value(inner, v); text != "" && (inner.Name() == "scopes" || inner.Name() == "environment") {
				parts = append(parts, text)
			}
			return true
		})
		return strings.Join(parts, " ")
	}
	return v.String()
}
