package lineage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// ErrHole says that a message was left out: a fold with a hole would admit what has ended.
var ErrHole = errors.New("lineage: a message is missing")

// Fold holds every node of the log up to a position. One goroutine applies; any number may ask at the same time.
type Fold struct {
	mu       sync.RWMutex
	position atomic.Uint64

	rules  map[protoreflect.MessageDescriptor]*rule
	kinds  map[string]uint8
	names  []string
	wholes map[uint8][]uint8 // kind of a part to the kinds it is a part of

	index   index
	hashed  map[uint32]string // names that are no UUIDs
	pages   []*[1 << pageBits]node
	count   uint32
	lists   []uint32
	endings []ending

	ancestral [256]bool // kinds that something may descend from
	fading    fading
	free      []uint32 // nodes that faded away
	spare     uint32   // the first of the endings that did

	waiting waiting
	// shared says of each page whether a snapshot under way reads it too: it is copied before it changes.
	shared []bool
}

// NewFold is a fold before the first message.
func NewFold() *Fold {
	f := &Fold{
		rules: map[protoreflect.MessageDescriptor]*rule{}, kinds: map[string]uint8{}, names: []string{""},
		wholes: map[uint8][]uint8{}, hashed: map[uint32]string{}, endings: make([]ending, 1),
	}
	f.add(0, [16]byte{})
	return f
}

// Apply folds one message: its position in the log, the time the log stored it, its envelope and its facts, nil standing
// for a fact of a type this program does not know. Messages come in order and without a hole; one that was applied before
// changes nothing.
func (f *Fold) Apply(position uint64, stored time.Time, e *eventv1.Envelope, facts []proto.Message) error {
	switch now := f.position.Load(); {
	case position <= now:
		return nil
	case position != now+1:
		return fmt.Errorf("%w: %d came after %d", ErrHole, position, now)
	}
	if e.GetSubject().GetKind() == "" || e.GetSubject().GetId() == "" {
		return fmt.Errorf("lineage: message %d names no subject", position)
	}
	f.mu.Lock()
	f.fade(stored.UnixMilli())
	err := f.apply(position, stored.UnixMilli(), e, facts)
	if err == nil {
		f.position.Store(position)
	}
	f.mu.Unlock()
	if err == nil {
		f.waiting.reached(position)
	}
	return err
}

// message is the one being applied.
type message struct {
	position uint64
	stored   int64
	seen     uint64
	subject  uint32 // 0 until a rule needs it
	envelope *eventv1.Envelope
}

func (f *Fold) apply(position uint64, stored int64, e *eventv1.Envelope, facts []proto.Message) error {
	rules := make([]*rule, len(facts))
	for i, fact := range facts {
		if fact == nil {
			continue
		}
		r, err := f.rule(fact.ProtoReflect().Descriptor())
		if err != nil {
			return fmt.Errorf("message %d: %w", position, err)
		}
		rules[i] = r
	}
	kind, err := f.kind(e.Subject.Kind)
	if err != nil {
		return err
	}
	// A decision cannot have seen itself, whatever its writer says.
	m := message{position: position, stored: stored, seen: min(e.Seen, position-1), envelope: e}
	for i, r := range rules {
		if r != nil && r.empty() {
			continue
		}
		if m.subject == 0 {
			m.subject = f.intern(kind, e.Subject.Id)
		}
		if r == nil {
			f.edit(m.subject).flags |= fOpaque
			continue
		}
		f.fact(m, i, r, facts[i].ProtoReflect())
	}
	return nil
}

func (f *Fold) fact(m message, i int, r *rule, fact protoreflect.Message) {
	o := at(m.position, i, false)
	for _, e := range r.ends {
		f.each(m, e.place, fact, e.upTo, func(n uint32) { f.end(n, e, o, m.subject) })
	}
	for _, e := range r.reopens {
		f.each(m, e.place, fact, e.upTo, func(n uint32) { f.reopen(n, e, o, m.subject) })
	}
	for _, e := range r.pauses {
		f.each(m, e.place, fact, e.upTo, func(n uint32) { f.edit(n).flags |= fPaused })
	}
	for _, e := range r.resume {
		f.each(m, e.place, fact, e.upTo, func(n uint32) { f.edit(n).flags &^= fPaused })
	}
	for _, l := range r.lapses {
		if until, ok := moment64(fact, l.at); ok {
			f.each(m, l.place, fact, false, func(n uint32) {
				f.edit(n).due = min(f.node(n).due, until)
				f.fades(n)
			})
		}
	}
	for _, b := range r.births {
		f.birth(m, b, r, at(m.position, i, true), fact)
	}
	for _, d := range r.due {
		if until, ok := moment64(fact, d.at); ok && !slices.ContainsFunc(r.births, func(b place) bool { return b.kind == d.kind }) {
			f.renew(m, d.kind, until)
		}
	}
}

// each finds the nodes a fact names; a part that does not exist is none.
func (f *Fold) each(m message, p place, fact protoreflect.Message, upTo bool, do func(uint32)) {
	switch {
	case p.field == nil && f.node(m.subject).kind == p.kind:
		do(m.subject)
	case p.field == nil:
		do(f.intern(p.kind, m.envelope.Subject.Id))
	case p.number:
		number := uint32(fact.Get(p.field).Uint())
		for n := f.node(m.subject).sub; n != 0; n = f.node(n).sub {
			if part := f.node(n); part.kind == p.kind && (part.number() == number || upTo && part.number() < number) {
				do(n)
			}
		}
	case p.field.IsList():
		for ids, i := fact.Get(p.field).List(), 0; i < ids.Len(); i++ {
			do(f.intern(p.kind, ids.Get(i).String()))
		}
	default:
		do(f.intern(p.kind, fact.Get(p.field).String()))
	}
}

// birth creates a node; a fact that says it again changes nothing, since what counts is what the first one had seen.
func (f *Fold) birth(m message, b place, r *rule, born order, fact protoreflect.Message) {
	var n uint32
	if b.number {
		number := uint32(fact.Get(b.field).Uint())
		if f.part(m.subject, b.kind, number) != 0 {
			return
		}
		var id [16]byte
		binary.LittleEndian.PutUint32(id[:], number)
		n = f.add(b.kind, id)
		whole := f.edit(m.subject)
		if !slices.Contains(f.wholes[b.kind], whole.kind) {
			f.wholes[b.kind] = append(f.wholes[b.kind], whole.kind)
		}
		part := f.edit(n)
		part.sub, part.flags = whole.sub, fPart
		whole.sub = n
		f.descend(n, []uint32{m.subject}, r, fact)
	} else {
		f.each(m, b, fact, false, func(found uint32) { n = found })
		if f.node(n).flags&fBorn != 0 {
			return
		}
		f.descend(n, nil, r, fact)
	}
	x := f.edit(n)
	x.flags |= fBorn
	x.seen, x.born, x.owner = m.seen, born, m.subject
	for _, d := range r.due {
		if until, ok := moment64(fact, d.at); ok && d.kind == b.kind {
			x.due = min(x.due, until)
		}
	}
	if a := m.envelope.Actor; a.GetSession() != "" {
		x.madeIn = f.session(a)
	}
}

// descend links a node to its ancestors, leaving out those that another of them descends from.
func (f *Fold) descend(n uint32, links []uint32, r *rule, fact protoreflect.Message) {
	for _, a := range r.ancestors {
		// A field that may be absent names an ancestor only if it is there; any other always does.
		if a.field.HasPresence() && !fact.Has(a.field) {
			continue
		}
		if a.field.IsList() {
			for ids, i := fact.Get(a.field).List(), 0; i < ids.Len(); i++ {
				links = append(links, f.intern(a.kind, ids.Get(i).String()))
			}
			continue
		}
		links = append(links, f.intern(a.kind, fact.Get(a.field).String()))
	}
	slices.Sort(links)
	links = slices.Compact(links)
	direct := slices.DeleteFunc(slices.Clone(links), func(l uint32) bool {
		return slices.ContainsFunc(links, func(other uint32) bool { return other != l && f.descends(other, l, depth) })
	})
	x := f.edit(n)
	switch len(direct) {
	case 0:
	case 1:
		x.parent = direct[0]
	default:
		x.flags |= fMany
		x.parent = uint32(len(f.lists))
		f.lists = append(append(f.lists, uint32(len(direct))), direct...)
	}
}

// session is the node of the session an actor used, a descendant of the actor.
func (f *Fold) session(a *eventv1.Actor) uint32 {
	kind, err := f.kind(sessionKind)
	person, err2 := f.kind(a.Kind)
	if err != nil || err2 != nil {
		return 0
	}
	s := f.intern(kind, a.Session)
	if x := f.node(s); x.parent == 0 && x.flags&fBorn == 0 {
		p := f.intern(person, a.Id)
		f.edit(s).parent = p
	}
	return s
}

// renew moves the time of the subject's node, unless that time was over when the log stored the fact.
func (f *Fold) renew(m message, kind uint8, until int64) {
	if x := f.node(m.subject); x.kind == kind && x.flags&fBorn != 0 && m.stored < x.due {
		f.edit(m.subject).due = until
	}
}

// moment64 reads a Timestamp as Unix milliseconds, if it is there.
func moment64(fact protoreflect.Message, fd protoreflect.FieldDescriptor) (int64, bool) {
	if !fact.Has(fd) {
		return 0, false
	}
	t := fact.Get(fd).Message()
	seconds, nanos := t.Descriptor().Fields().ByNumber(1), t.Descriptor().Fields().ByNumber(2)
	return t.Get(seconds).Int()*1000 + t.Get(nanos).Int()/1_000_000, true
}
