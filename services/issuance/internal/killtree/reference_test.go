package killtree_test

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// reference says by brute force what is dead, from the declarations on the facts as it reads them itself: it shares no code
// with the rule it checks.
type reference struct {
	things  map[string]*thing
	changes map[string][]change // by thing
	tokens  []token
}

type thing struct {
	kind, aggregate string
	parents         []string
	session, person string // it was made in
	seen            uint64
	at              place
}

type place struct {
	position uint64
	index    int
}

func (p place) before(q place) bool {
	return p.position < q.position || p.position == q.position && p.index < q.index
}

type change struct {
	ends, made bool
	reaches    []string
	aggregate  string
	at         place
}

// token is a bearer's claim: it descends from nodes and from the tokens it was exchanged from.
type token struct {
	name    string
	seen    uint64
	parents []string
	from    []int // into tokens
}

func newReference() *reference {
	return &reference{things: map[string]*thing{}, changes: map[string][]change{}}
}

func name(kind, id string) string { return kind + " " + id }

func (f *reference) read(position uint64, e *eventv1.Envelope, facts []proto.Message) {
	subject := name(e.Subject.Kind, e.Subject.Id)
	for i, fact := range facts {
		m := fact.ProtoReflect()
		options := m.Descriptor().Options()
		ids := func(kind, field string, upTo bool) (all []string) {
			if field == "" {
				return []string{name(kind, e.Subject.Id)}
			}
			fd := m.Descriptor().Fields().ByName(protoreflect.Name(field))
			if fd.Kind() != protoreflect.Uint32Kind {
				return []string{name(kind, m.Get(fd).String())}
			}
			number, from := m.Get(fd).Uint(), m.Get(fd).Uint()
			if upTo {
				from = 1
			}
			for n := from; n <= number; n++ {
				all = append(all, name(kind, fmt.Sprintf("%s/%d", e.Subject.Id, n)))
			}
			return all
		}
		note := func(x protoreflect.ExtensionType, ends bool) {
			effects, _ := proto.GetExtension(options, x).([]*eventv1.Effect)
			for _, effect := range effects {
				for _, of := range ids(effect.Kind, effect.Field, effect.UpTo) {
					if !ends && !f.over(of, effect.Kind) {
						continue // what stands open is not opened
					}
					f.changes[of] = append(f.changes[of], change{ends, effect.MadeIn, effect.Reaches, subject, place{position, 2 * i}})
				}
			}
		}
		note(eventv1.E_Ends, true)
		note(eventv1.E_Reopens, false)
		births, _ := proto.GetExtension(options, eventv1.E_Creates).([]*eventv1.Birth)
		for _, b := range births {
			for _, id := range ids(b.Kind, b.Field, false) {
				if f.things[id] != nil {
					continue
				}
				x := &thing{kind: b.Kind, aggregate: subject, seen: min(e.Seen, position-1), at: place{position, 2*i + 1}}
				if b.Field != "" && m.Descriptor().Fields().ByName(protoreflect.Name(b.Field)).Kind() == protoreflect.Uint32Kind {
					x.parents = append(x.parents, subject)
				}
				for n := range m.Descriptor().Fields().Len() {
					fd := m.Descriptor().Fields().Get(n)
					if kind, _ := proto.GetExtension(fd.Options(), eventv1.E_DescendsFrom).(string); kind != "" && (!fd.HasPresence() || m.Has(fd)) {
						x.parents = append(x.parents, name(kind, m.Get(fd).String()))
					}
				}
				if a := e.Actor; a.GetSession() != "" {
					x.session, x.person = name("session", a.Session), name(a.Kind, a.Id)
				}
				f.things[id] = x
			}
		}
	}
}

func reaches(c change, kind string) bool {
	if len(c.reaches) == 0 {
		return true
	}
	for _, r := range c.reaches {
		if r == kind {
			return true
		}
	}
	return false
}

// over is true if the newest change of a thing that reaches its kind is an ending.
func (f *reference) over(id, kind string) (over bool) {
	for _, c := range f.changes[id] {
		if reaches(c, kind) {
			over = c.ends
		}
	}
	return over
}

// escaped is true if what was decided at a place with this knowledge outlives every change of an ancestor.
func (f *reference) escaped(ancestor, kind, aggregate string, seen uint64, at place) bool {
	for _, c := range f.changes[ancestor] {
		if !reaches(c, kind) {
			continue
		}
		if aggregate != "" && aggregate == c.aggregate {
			if at.before(c.at) {
				return false
			}
		} else if seen < c.at.position {
			return false
		}
	}
	return true
}

// ancestors are all nodes above some, themselves included.
func (f *reference) ancestors(of []string, into map[string]bool) {
	for _, id := range of {
		if into[id] {
			continue
		}
		into[id] = true
		if x := f.things[id]; x != nil {
			f.ancestors(x.parents, into)
		}
	}
}

// dead is every node and token that must be refused.
func (f *reference) dead() map[string]bool {
	all := map[string]bool{}
	for id := range f.things {
		if f.thingDead(id) {
			all[id] = true
		}
	}
	for i, t := range f.tokens {
		if f.tokenDead(i) {
			all[t.name] = true
		}
	}
	return all
}

func (f *reference) thingDead(id string) bool {
	line := map[string]bool{}
	f.ancestors([]string{id}, line)
	for y := range line {
		x := f.things[y]
		if x == nil || f.over(y, x.kind) {
			return true
		}
		above := map[string]bool{}
		f.ancestors(x.parents, above)
		for a := range above {
			if !f.escaped(a, x.kind, x.aggregate, x.seen, x.at) {
				return true
			}
		}
		if x.session != "" && f.stolen(x) {
			return true
		}
	}
	return false
}

// stolen is true if the session a thing was made in turned out not to be its person's.
func (f *reference) stolen(x *thing) bool {
	for _, of := range []string{x.session, x.person} {
		for _, c := range f.changes[of] {
			if c.ends && c.made && reaches(c, "session") && x.seen < c.at.position {
				return true
			}
		}
	}
	return false
}

func (f *reference) tokenDead(i int) bool {
	t := f.tokens[i]
	if f.over(t.name, "token") {
		return true
	}
	above := map[string]bool{}
	f.ancestors(t.parents, above)
	for a := range above {
		if !f.escaped(a, "token", "", t.seen, place{}) {
			return true
		}
	}
	for _, p := range t.parents {
		if f.things[p] == nil || f.thingDead(p) {
			return true
		}
	}
	for _, from := range t.from {
		parent := f.tokens[from]
		if f.tokenDead(from) || !f.escaped(parent.name, "token", "", t.seen, place{}) || !f.aboveToken(from, t) {
			return true
		}
	}
	return false
}

// aboveToken is true if a later token of a chain outlives every change above an earlier one.
func (f *reference) aboveToken(from int, t token) bool {
	above := map[string]bool{}
	f.ancestors(f.tokens[from].parents, above)
	for a := range above {
		if !f.escaped(a, "token", "", t.seen, place{}) {
			return false
		}
	}
	for _, next := range f.tokens[from].from {
		if !f.escaped(f.tokens[next].name, "token", "", t.seen, place{}) || !f.aboveToken(next, t) {
			return false
		}
	}
	return true
}
