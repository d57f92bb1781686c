// Package eventdoc writes the list of every event from the contract's own descriptors.
package eventdoc

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/audit/internal/catalogue"
	"github.com/chancery-dev/chancery/services/audit/internal/ocsf"
)

// Markdown is the document.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Events\n\nMade from the contract by `scripts/events`; do not edit.\n\n" +
		"A **fact** changes an aggregate: it is in EVENTS for ever, in the records, in the SIEM and in the feed, where a subscription\n" +
		"names it. An **observation** changes none: it is in ACTIVITY for a time, in the records and in the SIEM. Values marked\n" +
		"*profile* (who somebody is) or *trace* (what somebody left behind) are sealed under that person's key before they are\n" +
		"stored, are never in the feed, and are gone for everybody once the key is erased.\n\n")
	all := catalogue.All()
	b.WriteString("| what a subscription names | sentence | OCSF 1.8.0 |\n|---|---|---|\n")
	for _, t := range all {
		fmt.Fprintf(&b, "| [`%s`](#%s)%s | %s | %s |\n", t.Name, anchor(t.Title), mark(t), t.Sentence, ocsf.Describe(string(t.Message.FullName())))
	}
	service := ""
	for _, t := range all {
		if now, _, _ := strings.Cut(t.Name, "."); now != service {
			service = now
			fmt.Fprintf(&b, "\n## %s\n", service)
		}
		section(&b, t)
	}
	return b.String()
}

func mark(t catalogue.Type) string {
	if t.Observation {
		return " (observation)"
	}
	return ""
}

func anchor(title string) string {
	return strings.ToLower(strings.NewReplacer(".", "").Replace(title))
}

func section(b *strings.Builder, t catalogue.Type) {
	fmt.Fprintf(b, "\n### %s\n\n> %s\n\n`%s`%s. SIEM: %s.\n", t.Title, t.Sentence, t.Message.FullName(), mark(t), ocsf.Describe(string(t.Message.FullName())))
	if t.Message.Fields().Len() == 0 {
		return
	}
	b.WriteString("\n| field | type | |\n|---|---|---|\n")
	for i := range t.Message.Fields().Len() {
		f := t.Message.Fields().Get(i)
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.Name(), kind(f), personal(f))
	}
}

func kind(f protoreflect.FieldDescriptor) string {
	name := f.Kind().String()
	switch {
	case f.IsMap():
		return "map of " + kind(f.MapValue())
	case f.Message() != nil:
		name = string(f.Message().Name())
	case f.Enum() != nil:
		name = string(f.Enum().Name())
	}
	if f.IsList() {
		return "list of " + name
	}
	return name
}

func personal(f protoreflect.FieldDescriptor) string {
	switch catalogue.Personal(f) {
	case eventv1.Personal_PROFILE:
		return "*profile*"
	case eventv1.Personal_TRACE:
		return "*trace*"
	}
	return ""
}
