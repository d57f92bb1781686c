// Package truth says which things must be refused, from what really happened: what each decision really knew, and every
// ending there was. It is the specification that the rule of lineage is tested against, and imports nothing of it.
package truth

import (
	"fmt"
	"slices"
)

// Verb is what a change does to a thing.
type Verb uint8

// The verbs.
const (
	End Verb = iota
	Reopen
	Pause
	Resume
	Renew
	Lapse
)

// Place is where in the log something stands, and in which aggregate.
type Place struct {
	Position, Index int
	Aggregate       string
}

func (p Place) before(q Place) bool {
	return p.Position < q.Position || p.Position == q.Position && p.Index < q.Index
}

// Thing is something that was created.
type Thing struct {
	ID, Kind string
	// From are the things it descends from.
	From []string
	// MadeIn is the session that its maker used and whose authority the decision needed, if any.
	MadeIn string
	// Knew is the position up to which the decision really knew the log, Decided the time of the decision.
	Knew    int
	Decided int64
	// Place is where it was created; position 0 says that it never stood in the log.
	Place
	// Until is when it is over; 0 for never.
	Until int64
}

// Change is something that happened to a thing.
type Change struct {
	Verb Verb
	Of   string
	// Reaches are the kinds an ending or reopening reaches; none means the thing and everything that descends from it.
	Reaches []string
	// Made says that an ending reaches also what was made in the sessions it reaches.
	Made bool
	// Until is the new time, Stored the time the log stored the change.
	Until, Stored int64
	Place
}

func (c Change) reaches(kind string) bool {
	return len(c.Reaches) == 0 || slices.Contains(c.Reaches, kind)
}

// History is everything that really happened.
type History struct {
	things  map[string]*Thing
	changes map[string][]Change
}

// NewHistory is a history in which nothing happened.
func NewHistory() *History {
	return &History{things: map[string]*Thing{}, changes: map[string][]Change{}}
}

// Create adds a thing. Saying it again changes nothing.
func (h *History) Create(t Thing) {
	if h.things[t.ID] == nil {
		h.things[t.ID] = &t
	}
}

// Happen adds a change.
func (h *History) Happen(c Change) { h.changes[c.Of] = append(h.changes[c.Of], c) }

// Thing gives a thing, or nil.
func (h *History) Thing(id string) *Thing { return h.things[id] }

// MustRefuse says why a thing must be refused by whoever knows the log up to a position, at a time; empty if it must be
// admitted.
func (h *History) MustRefuse(id string, position int, now int64) string {
	x := h.things[id]
	if x == nil {
		return id + " is nothing"
	}
	if x.Position > position || x.Position == 0 && x.Knew > position {
		return id + " is not known yet"
	}
	if why := h.over(x, position, now); why != "" {
		return why
	}
	if x.MadeIn != "" {
		if why := h.MustRefuse(x.MadeIn, x.Knew, x.Decided); why != "" {
			return id + " was made without authority: " + why
		}
		if why := h.foul(x, position); why != "" {
			return why
		}
	}
	for _, a := range x.From {
		if why := h.MustRefuse(a, position, now); why != "" {
			return why
		}
	}
	return h.ignorant(x, x.From, position)
}

// over judges the thing by what happened to itself.
func (h *History) over(x *Thing, position int, now int64) string {
	ended, paused, until := false, false, x.Until
	for _, c := range h.changes[x.ID] {
		if c.Position > position {
			continue
		}
		switch c.Verb {
		case End:
			// An ending that does not reach the thing's own kind leaves the thing open.
			ended = ended || c.reaches(x.Kind)
		case Reopen:
			ended = false
		case Pause:
			paused = true
		case Resume:
			paused = false
		case Renew:
			if until == 0 || c.Stored < until {
				until = c.Until
			}
		case Lapse:
			if until == 0 || c.Until < until {
				until = c.Until
			}
		}
	}
	switch {
	case ended:
		return x.ID + " ended"
	case paused:
		return x.ID + " is paused"
	case until != 0 && now >= until:
		return x.ID + " expired"
	}
	return ""
}

// ignorant says whether the thing was decided while an ancestor stood ended, or not knowing of an ending of one.
func (h *History) ignorant(x *Thing, from []string, position int) string {
	for _, id := range from {
		a := h.things[id]
		if a == nil {
			return id + " is nothing"
		}
		standing := false
		for _, c := range h.changes[id] {
			if c.Position > position {
				continue
			}
			switch {
			case c.Verb == End && c.reaches(x.Kind) && !x.knows(c):
				return fmt.Sprintf("%s did not know that %s ended at %d", x.ID, id, c.Position)
			case c.Verb == End && x.knows(c):
				standing = standing || c.reaches(a.Kind)
			case c.Verb == Reopen && x.knows(c):
				standing = false
			}
		}
		if standing {
			return fmt.Sprintf("%s was decided while %s stood ended", x.ID, id)
		}
		if why := h.ignorant(x, a.From, position); why != "" {
			return why
		}
	}
	return ""
}

// knows is true if the decision that created the thing really knew of the change: nobody decides over an aggregate
// without knowing all of it.
func (x *Thing) knows(c Change) bool {
	if x.Position != 0 && x.Aggregate == c.Aggregate {
		return c.Place.before(x.Place)
	}
	return c.Position <= x.Knew
}

// foul says whether the session a thing was made in was afterwards found not to be in its person's hands.
func (h *History) foul(x *Thing, position int) string {
	s := h.things[x.MadeIn]
	for _, id := range append([]string{s.ID}, s.From...) {
		for _, c := range h.changes[id] {
			if c.Position <= position && c.Verb == End && c.Made && (id == s.ID || c.reaches(s.Kind) && c.Position > s.Knew) {
				return x.ID + " was made in " + s.ID + ", which was compromised"
			}
		}
	}
	return ""
}
