package lineage

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// place says where in a fact the id of a node stands.
type place struct {
	kind   uint8
	field  protoreflect.FieldDescriptor // nil: the envelope's subject
	number bool                         // a numbered part of the subject
}

type effect struct {
	place
	reaches []uint8
	self    bool // reaches the node itself
	upTo    bool
	madeIn  bool
}

type moment struct {
	place
	at protoreflect.FieldDescriptor
}

// rule is what the options of one type of fact say.
type rule struct {
	births                        []place
	ancestors                     []place
	ends, reopens, pauses, resume []effect
	due                           []moment // place.kind alone
	lapses                        []moment
}

func (r *rule) empty() bool {
	return len(r.births)+len(r.ends)+len(r.reopens)+len(r.pauses)+len(r.resume)+len(r.due)+len(r.lapses) == 0
}

// rule reads the options of a type once. Only the writer calls it.
func (f *Fold) rule(md protoreflect.MessageDescriptor) (*rule, error) {
	if r, ok := f.rules[md]; ok {
		return r, nil
	}
	r := &rule{}
	var err error
	for _, b := range option[[]*eventv1.Birth](md.Options(), eventv1.E_Creates) {
		p, e := f.place(md, b.Kind, b.Field)
		r.births, err = append(r.births, p), first(err, e)
	}
	for _, to := range []struct {
		list   *[]effect
		option protoreflect.ExtensionType
	}{{&r.ends, eventv1.E_Ends}, {&r.reopens, eventv1.E_Reopens}, {&r.pauses, eventv1.E_Pauses}, {&r.resume, eventv1.E_Resumes}} {
		for _, o := range option[[]*eventv1.Effect](md.Options(), to.option) {
			e, fail := f.effect(md, o)
			*to.list, err = append(*to.list, e), first(err, fail)
		}
	}
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if kind := option[string](fd.Options(), eventv1.E_DescendsFrom); kind != "" {
			p, e := f.place(md, kind, string(fd.Name()))
			if p.number {
				e = first(e, fmt.Errorf("lineage: %s.%s: an ancestor is named by its id", md.FullName(), fd.Name()))
			}
			r.ancestors, err = append(r.ancestors, p), first(err, e)
			f.ancestral[p.kind] = true
		}
		if kind := option[string](fd.Options(), eventv1.E_Due); kind != "" {
			k, e := f.kind(kind)
			r.due, err = append(r.due, moment{place: place{kind: k}, at: fd}), first(err, e, timestamp(fd))
		}
		if l := option[*eventv1.Lapse](fd.Options(), eventv1.E_Lapses); l != nil {
			p, e := f.place(md, l.Kind, l.Field)
			r.lapses, err = append(r.lapses, moment{place: p, at: fd}), first(err, e, timestamp(fd))
		}
	}
	if err != nil {
		return nil, err
	}
	f.rules[md] = r
	return r, nil
}

func (f *Fold) effect(md protoreflect.MessageDescriptor, o *eventv1.Effect) (effect, error) {
	p, err := f.place(md, o.Kind, o.Field)
	e := effect{place: p, upTo: o.UpTo, madeIn: o.MadeIn, self: len(o.Reaches) == 0}
	if o.UpTo && !p.number {
		err = first(err, fmt.Errorf("lineage: %s: up_to needs a number", md.FullName()))
	}
	for _, name := range o.Reaches {
		k, fail := f.kind(name)
		e.reaches, err = append(e.reaches, k), first(err, fail)
		e.self = e.self || k == p.kind
	}
	return e, err
}

func (f *Fold) place(md protoreflect.MessageDescriptor, kind, field string) (place, error) {
	k, err := f.kind(kind)
	p := place{kind: k}
	if err != nil || field == "" {
		return p, err
	}
	p.field = md.Fields().ByName(protoreflect.Name(field))
	if p.field == nil {
		return p, fmt.Errorf("lineage: %s has no field %q", md.FullName(), field)
	}
	switch p.field.Kind() {
	case protoreflect.StringKind:
		return p, nil
	case protoreflect.Uint32Kind:
		p.number = true
		if !p.field.IsList() {
			return p, nil
		}
	}
	return p, fmt.Errorf("lineage: %s.%s names no node: it must be a string, or one uint32", md.FullName(), field)
}

// kind gives each name of a kind a small number, from 1.
func (f *Fold) kind(name string) (uint8, error) {
	if k, ok := f.kinds[name]; ok {
		return k, nil
	}
	if name == "" || len(f.names) > 255 {
		return 0, fmt.Errorf("lineage: kind %q: a kind has a name, and there are at most 255", name)
	}
	k := uint8(len(f.names))
	f.kinds[name] = k
	f.names = append(f.names, name)
	return k, nil
}

func timestamp(fd protoreflect.FieldDescriptor) error {
	if fd.Message() == nil || fd.IsList() || fd.Message().FullName() != "google.protobuf.Timestamp" {
		return fmt.Errorf("lineage: %s is no google.protobuf.Timestamp", fd.FullName())
	}
	return nil
}

func option[T any](options protoreflect.ProtoMessage, x protoreflect.ExtensionType) (value T) {
	if options == nil || !options.ProtoReflect().IsValid() || !proto.HasExtension(options, x) {
		return value
	}
	value, _ = proto.GetExtension(options, x).(T)
	return value
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
