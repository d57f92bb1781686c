// Package catalogue is every type of event there is, as subscribers call it, made of the contract's descriptors alone.
package catalogue

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/audit/internal/sentence"

	// Every fact and observation of the contract is registered by its package.
	_ "github.com/chancery-dev/chancery/proto/activity/v1"
	_ "github.com/chancery-dev/chancery/proto/approval/v1"
	_ "github.com/chancery-dev/chancery/proto/audit/v1"
	_ "github.com/chancery-dev/chancery/proto/gateway/v1"
	_ "github.com/chancery-dev/chancery/proto/identity/v1"
	_ "github.com/chancery-dev/chancery/proto/issuance/v1"
	_ "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Type is one type of event.
type Type struct {
	// Name is what subscribers call it: "issuance.credential.rotation_started".
	Name string
	// Title is what people call it: "issuance.credential.RotationStarted".
	Title    string
	Sentence string
	// Kind is the subject's; empty for observations, which are about anything.
	Kind string
	// Observation says that it changes no aggregate: it is recorded, and not in the feed.
	Observation bool
	Message     protoreflect.MessageDescriptor
}

// All are the types of event there are, in the order of their names.
var All = sync.OnceValue(func() []Type {
	var all []Type
	protoregistry.GlobalTypes.RangeMessages(func(m protoreflect.MessageType) bool {
		if t, ok := of(m.Descriptor()); ok {
			all = append(all, t)
		}
		return true
	})
	slices.SortFunc(all, func(a, b Type) int { return cmp.Compare(a.Name, b.Name) })
	return all
})

func of(d protoreflect.MessageDescriptor) (Type, bool) {
	options, ok := d.Options().(*descriptorpb.MessageOptions)
	text, _ := proto.GetExtension(options, eventv1.E_Sentence).(string)
	if !ok || text == "" || !strings.HasSuffix(string(d.ParentFile().Package()), ".v1") {
		return Type{}, false
	}
	t := Type{Sentence: text, Message: d, Observation: strings.HasPrefix(string(d.FullName()), "activity.")}
	if !t.Observation {
		t.Kind = strings.TrimSuffix(path.Base(d.ParentFile().Path()), ".proto")
	}
	t.Title = sentence.Type(d.FullName(), t.Kind)
	t.Name = Name(t.Title)
	return t, true
}

// Facts are the types the feed carries.
func Facts() []Type {
	return slices.DeleteFunc(slices.Clone(All()), func(t Type) bool { return t.Observation })
}

// Name is what subscribers call a title.
func Name(title string) string {
	at := strings.LastIndexByte(title, '.') + 1
	return title[:at] + snake(title[at:])
}

func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Find is the type of a name or title; false if there is none.
func Find(name string) (Type, bool) {
	for _, t := range All() {
		if t.Name == name || t.Title == name {
			return t, true
		}
	}
	return Type{}, false
}

// Near are the names of the feed's types that are most like a name, the likest first, at most three.
func Near(name string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var all []candidate
	for _, t := range Facts() {
		d := distance(strings.ToLower(name), t.Name)
		if strings.HasPrefix(t.Name, strings.ToLower(name)) {
			d = 1
		}
		all = append(all, candidate{t.Name, d})
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var out []string
	for _, c := range all[:min(3, len(all))] {
		if c.distance <= max(4, len(name)/2) {
			out = append(out, c.name)
		}
	}
	return out
}

// distance is that of Levenshtein.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := last
			if a[i] != b[j] {
				change++
			}
			last = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Personal says whether a field is sealed where it is stored, and so leaves the log for nobody but who may open it.
func Personal(f protoreflect.FieldDescriptor) eventv1.Personal {
	options, ok := f.Options().(*descriptorpb.FieldOptions)
	if !ok {
		return eventv1.Personal_NOT_PERSONAL
	}
	p, _ := proto.GetExtension(options, eventv1.E_Personal).(eventv1.Personal)
	return p
}
