package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

var (
	// ErrNoVault says that personal values were to be stored by a log without a vault.
	ErrNoVault = errors.New("personal values need a vault to be sealed")
	// ErrNoPerson says that profile values were to be stored in a decision that names no person they concern.
	ErrNoPerson = errors.New("profile values need the person they concern")
)

// theSource is the index that stands for the envelope's own source among its facts.
const theSource = -1

// seal moves the personal values of facts and source into sealed parts under the keys of those they concern: the person
// the decision is about, the actor who left a trace. It changes neither what it is given nor what it need not.
func seal(ctx context.Context, v *Vault, e *eventv1.Envelope, facts []aggregate.Event) ([]aggregate.Event, error) {
	out := make([]aggregate.Event, len(facts))
	for i, f := range facts {
		stripped, err := sealOne(ctx, v, e, i, f)
		if err != nil {
			return nil, err
		}
		out[i] = stripped
	}
	if e.GetSource() != nil {
		stripped, err := sealOne(ctx, v, e, theSource, e.GetSource())
		if err != nil {
			return nil, err
		}
		e.Source = stripped.(*eventv1.Source)
	}
	return out, nil
}

func sealOne(ctx context.Context, v *Vault, e *eventv1.Envelope, index int, m proto.Message) (proto.Message, error) {
	stripped, parts, err := Split(m)
	if err != nil || len(parts) == 0 {
		return stripped, err
	}
	if v == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoVault, m.ProtoReflect().Descriptor().FullName())
	}
	for _, p := range personals {
		part, ok := parts[p]
		if !ok {
			continue
		}
		owner := e.GetActor().GetId()
		if p == eventv1.Personal_PROFILE {
			if owner = e.GetSubject().GetPerson(); owner == "" {
				return nil, fmt.Errorf("%w: %s", ErrNoPerson, m.ProtoReflect().Descriptor().FullName())
			}
		}
		key, err := v.dataKeys.seal(ctx, p, keyOwner(owner))
		sealed := &eventv1.Sealed{Fact: int32(index), KeyId: key.id, Personal: p}
		if err == nil {
			clear, merr := proto.MarshalOptions{Deterministic: true}.Marshal(part)
			if merr != nil {
				return nil, merr
			}
			sealed.Ciphertext, err = key.aead.Encrypt(clear, sealedAs(e, index, p, m))
		}
		if err != nil && !errors.Is(err, ErrErased) {
			return nil, fmt.Errorf("seal %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
		}
		e.Sealed = append(e.Sealed, sealed)
	}
	return stripped, nil
}

// sealedAs is what sealed values are authenticated with: they open in their own place alone.
func sealedAs(e *eventv1.Envelope, index int, p eventv1.Personal, m proto.Message) []byte {
	return []byte(e.GetEventId() + "." + strconv.Itoa(index) + " " + p.String() + " " + string(m.ProtoReflect().Descriptor().FullName()))
}

// Split parts m's personal values from the rest: a copy without them, and for each kind of personal value that m has a
// message of m's type with nothing else. A message without any is returned as it is.
func Split(m proto.Message) (proto.Message, map[eventv1.Personal]proto.Message, error) {
	bears, err := bearsPersonal(m.ProtoReflect().Descriptor())
	if err != nil || !bears {
		return m, nil, err
	}
	stripped := proto.Clone(m)
	parts := map[eventv1.Personal]proto.Message{}
	for _, p := range personals {
		part := m.ProtoReflect().New()
		if move(p, stripped.ProtoReflect(), part) {
			parts[p] = part.Interface()
		}
	}
	return stripped, parts, nil
}

// move moves every value of one kind, and says whether there was any.
func move(p eventv1.Personal, from, to protoreflect.Message) bool {
	moved := false
	from.Range(func(f protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case personalOf(f) == p:
			to.Set(f, value)
			from.Clear(f)
			moved = true
		case personalOf(f) == eventv1.Personal_NOT_PERSONAL && f.Message() != nil && f.Cardinality() != protoreflect.Repeated:
			part := to.NewField(f).Message()
			if move(p, from.Mutable(f).Message(), part) {
				to.Set(f, protoreflect.ValueOfMessage(part))
				moved = true
			}
		}
		return true
	})
	return moved
}

func personalOf(f protoreflect.FieldDescriptor) eventv1.Personal {
	options, ok := f.Options().(*descriptorpb.FieldOptions)
	if !ok || options == nil {
		return eventv1.Personal_NOT_PERSONAL
	}
	return proto.GetExtension(options, eventv1.E_Personal).(eventv1.Personal)
}

var bearing sync.Map // full name → bool or error

// bearsPersonal says whether messages of a type have personal fields; an error says that one stands where it cannot be
// sealed.
func bearsPersonal(d protoreflect.MessageDescriptor) (bool, error) {
	if known, ok := bearing.Load(d.FullName()); ok {
		err, _ := known.(error)
		return known == true, err
	}
	bears, err := inspect(d, map[protoreflect.FullName]bool{}, false)
	if err != nil {
		bearing.Store(d.FullName(), err)
		return false, err
	}
	bearing.Store(d.FullName(), bears)
	return bears, nil
}

func inspect(d protoreflect.MessageDescriptor, path map[protoreflect.FullName]bool, repeated bool) (bool, error) {
	if path[d.FullName()] {
		return false, nil
	}
	path[d.FullName()] = true
	defer delete(path, d.FullName())
	bears := false
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		many := f.Cardinality() == protoreflect.Repeated
		if personalOf(f) != eventv1.Personal_NOT_PERSONAL {
			singular := f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.BytesKind || f.Kind() == protoreflect.MessageKind
			if many || repeated || !singular {
				return false, fmt.Errorf("%s is personal and cannot be sealed: only singular strings, bytes and messages outside lists can", f.FullName())
			}
			bears = true
			continue
		}
		if f.Message() == nil {
			continue
		}
		below, err := inspect(f.Message(), path, repeated || many)
		if err != nil {
			return false, err
		}
		bears = bears || below
	}
	return bears, nil
}
