package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// Opener reads sealed personal values, as far as the vaults it has hold their keys.
type Opener struct{ vaults map[string]*Vault }

// NewOpener opens what was sealed by the services whose vaults these are.
func NewOpener(vaults ...*Vault) *Opener {
	o := &Opener{map[string]*Vault{}}
	for _, v := range vaults {
		o.vaults[v.service] = v
	}
	return o
}

// Erasure says that personal values of one kind are gone for ever.
type Erasure struct {
	// Fact is the index of the fact; -1 is the envelope's source.
	Fact     int
	Personal eventv1.Personal
}

// Open returns r with every personal value filled in that can be, and says which are erased. What other services sealed
// stays empty. r itself is not changed, and Raw stays as it was stored.
func (o *Opener) Open(ctx context.Context, r Recorded) (Recorded, []Erasure, error) {
	var erased []Erasure
	if len(r.Envelope.GetSealed()) == 0 {
		return r, nil, nil
	}
	r.Envelope = proto.CloneOf(r.Envelope)
	facts := r.Facts
	r.Facts = nil
	for _, f := range facts {
		if f != nil {
			f = proto.Clone(f)
		}
		r.Facts = append(r.Facts, f)
	}
	for _, s := range r.Envelope.GetSealed() {
		into, ok := place(r, int(s.GetFact()))
		if !ok {
			return r, erased, fmt.Errorf("%w: %s seals fact %d of %d", ErrCorrupt, r.Envelope.GetEventId(), s.GetFact(), len(r.Facts))
		}
		service, _, _ := strings.Cut(s.GetKeyId(), ".")
		v := o.vaults[service]
		if into == nil || v == nil {
			continue
		}
		err := openOne(ctx, v, r.Envelope, s, into)
		if errors.Is(err, ErrErased) {
			erased = append(erased, Erasure{int(s.GetFact()), s.GetPersonal()})
		} else if err != nil {
			return r, erased, fmt.Errorf("open %s.%d: %w", r.Envelope.GetEventId(), s.GetFact(), err)
		}
	}
	return r, erased, nil
}

// place is the message sealed values belong into: nil for a fact of an unknown type.
func place(r Recorded, index int) (proto.Message, bool) {
	switch {
	case index == theSource:
		if r.Envelope.GetSource() == nil {
			r.Envelope.Source = &eventv1.Source{}
		}
		return r.Envelope.GetSource(), true
	case index < 0 || index >= len(r.Facts):
		return nil, false
	}
	return r.Facts[index], true
}

func openOne(ctx context.Context, v *Vault, e *eventv1.Envelope, s *eventv1.Sealed, into proto.Message) error {
	if len(s.GetCiphertext()) == 0 {
		return ErrErased
	}
	key, err := v.dataKeys.open(ctx, s.GetKeyId())
	if err != nil {
		return err
	}
	clear, err := key.aead.Decrypt(s.GetCiphertext(), sealedAs(e, int(s.GetFact()), s.GetPersonal(), into))
	if err != nil {
		return fmt.Errorf("%w: sealed values: %w", ErrCorrupt, err)
	}
	part := into.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(clear, part); err != nil {
		return fmt.Errorf("%w: sealed values: %w", ErrCorrupt, err)
	}
	proto.Merge(into, part)
	return nil
}
