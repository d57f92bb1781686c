package lineage_test

import (
	"errors"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/lineage/internal/truth"
)

// fork is the rule of seen once more, plain and slow, with a switch for each way of getting it wrong.
type fork struct {
	faults
	at    int
	nodes map[string]*forked
}

type forked struct {
	truth.Thing
	born   bool
	seen   int
	maker  string
	happen []truth.Change
}

var errDead = errors.New("not live")

func newFork(f faults) func() judge {
	return func() judge { return &fork{faults: f, nodes: map[string]*forked{}} }
}

func (f *fork) node(id string) *forked {
	n := f.nodes[id]
	if n == nil {
		n = &forked{Thing: truth.Thing{ID: id}}
		f.nodes[id] = n
	}
	return n
}

func (f *fork) position() int { return f.at }

func (f *fork) apply(m *message) {
	f.at = m.position
	if f.newestSeen {
		for _, n := range f.nodes {
			if n.born && n.Aggregate == m.envelope.Subject.Kind+"/"+m.envelope.Subject.Id {
				n.seen = int(m.envelope.Seen)
			}
		}
	}
	for _, b := range m.births {
		n := f.node(b.ID)
		if n.born {
			continue
		}
		n.Thing, n.born, n.seen = b, true, int(m.envelope.Seen)
		if m.envelope.Actor.Session != "" {
			n.maker = m.envelope.Actor.Id
		}
		if f.requestless && b.Kind == "grant" {
			n.From = append([]string(nil), f.node(b.From[0]).From...)
		}
	}
	for _, c := range m.changes {
		if f.decisionTime && c.Verb == truth.Renew {
			c.Stored = 0
		}
		f.node(c.Of).happen = append(f.node(c.Of).happen, c)
	}
}

func (f *fork) live(r lineage.Ref, now int64) error {
	if n := f.nodes[r.ID]; n == nil || !n.born || !f.alive(n, now, true) {
		return errDead
	}
	return nil
}

func (f *fork) liveClaim(c lineage.Claim, now int64) error {
	if int(c.Seen) > f.at || now >= c.Expires.Unix() {
		return errDead
	}
	x := &forked{Thing: truth.Thing{ID: c.Ref.ID, Kind: c.Ref.Kind}, born: true, seen: int(c.Seen)}
	if n := f.nodes[c.Ref.ID]; n != nil {
		x.happen = n.happen
	}
	for _, a := range c.Ancestors {
		x.From = append(x.From, a.ID)
	}
	if !f.alive(x, now, true) {
		return errDead
	}
	for _, from := range c.From {
		if f.liveClaim(from, now) != nil && !f.shallow {
			return errDead
		}
		for _, a := range from.Ancestors {
			if !f.reached(x, f.nodes[a.ID]) {
				return errDead
			}
		}
	}
	return nil
}

func (f *fork) alive(x *forked, now int64, deep bool) bool {
	ended, paused, until := false, false, x.Until
	for _, c := range x.happen {
		switch c.Verb {
		case truth.End:
			ended = ended || reaches(c, x.Kind) && !f.notEnded
		case truth.Reopen:
			ended = false
		case truth.Pause:
			paused = true
		case truth.Resume:
			paused = false
		case truth.Renew:
			if c.Stored < until {
				until = c.Until
			}
		case truth.Lapse:
			until = min(until, c.Until)
		}
	}
	if ended || paused || until != 0 && now >= until {
		return false
	}
	if p := f.nodes[x.maker]; x.maker != "" && p != nil {
		for _, c := range p.happen {
			if c.Made && x.seen < c.Position {
				return false
			}
		}
	}
	for _, id := range x.From {
		a := f.nodes[id]
		if a == nil || !a.born {
			// A claim answers for itself.
			if a == nil || a.Kind == "" {
				return false
			}
		}
		if !f.reached(x, a) || deep && !f.shallow && !f.alive(a, now, deep) {
			return false
		}
	}
	return true
}

// reached is false if an ending of a, or of what a descends from, is one that x did not see.
func (f *fork) reached(x, a *forked) bool {
	standing := false
	for _, c := range a.happen {
		if c.Verb != truth.End && c.Verb != truth.Reopen || c.Verb == truth.End && !f.oneNumber && !reaches(c, x.Kind) {
			continue
		}
		own := len(c.Reaches) == 0 || reaches(c, a.Kind)
		if c.Verb == truth.Reopen && !standing && !f.notEnded {
			continue
		}
		standing = c.Verb == truth.End && own
		switch {
		case !f.orderless && x.Position != 0 && x.Aggregate == c.Aggregate:
			if x.Position < c.Position || x.Position == c.Position && x.Index < c.Index {
				return false
			}
		case x.seen < c.Position:
			return false
		}
	}
	if standing && !f.notEnded {
		return false
	}
	for _, id := range a.From {
		if !f.shallow && !f.reached(x, f.nodes[id]) {
			return false
		}
	}
	return true
}

func reaches(c truth.Change, kind string) bool {
	for _, r := range c.Reaches {
		if r == kind {
			return true
		}
	}
	return len(c.Reaches) == 0
}
