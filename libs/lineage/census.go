package lineage

import "time"

// Standing is how something stands at a position and a moment.
type Standing uint8

// The ways to stand.
const (
	// Unborn is what no fact has created.
	Unborn Standing = iota
	// Alive is what is live.
	Alive
	// Held is paused, itself or by an ancestor, and live again once that is resumed.
	Held
	// Lapsed is over because its time, or an ancestor's, is.
	Lapsed
	// Gone is over because it, or an ancestor, ended or cannot be judged.
	Gone
)

var standings = [...]string{"unborn", "live", "paused", "expired", "ended"}

// String is the word for it.
func (s Standing) String() string { return standings[s] }

// Member is one node of a tree of descent.
type Member struct {
	Ref
	// Parents are the nodes it descends from directly; the session it was made in is one only where that was asked for.
	Parents  []Ref
	Standing Standing
	// Born is the position of the fact that created it, Ended that of the newest ending that it died of, else 0.
	Born, Ended uint64
}

// Stands says how a claim stands, whose pauses do not hide that something ended.
func (f *Fold) Stands(c Claim, now time.Time) Standing {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s, _ := f.stands(now.UnixMilli(), func(w *walk) bool { return w.claim(&c) })
	return s
}

func (f *Fold) stands(now int64, ask func(*walk) bool) (s Standing, ended uint64) {
	w := walk{fold: f, now: now}
	if ask(&w) {
		return Alive, 0
	}
	if w.cause == Paused {
		if w = (walk{fold: f, now: now, resumed: true}); ask(&w) {
			return Held, 0
		}
	}
	if w.cause == Expired {
		return Lapsed, 0
	}
	return Gone, w.position
}

// chunk is how many nodes are looked at before a writer is let in.
const chunk = 4 << pageBits

// all calls do for every node that a fact created, in order of their places in the fold. What is applied meanwhile may be
// seen or not.
func (f *Fold) all(do func(n uint32)) {
	for from := uint32(1); ; from += chunk {
		f.mu.RLock()
		count := f.count
		for n := from; n < min(from+chunk, count); n++ {
			if f.node(n).flags&fBorn != 0 {
				do(n)
			}
		}
		f.mu.RUnlock()
		if from+chunk >= count {
			return
		}
	}
}

// Below lists each root that a fact created and every node that descends from one, with how it stands at now. With made it
// follows also the sessions in which something was made. It reads the whole fold.
func (f *Fold) Below(now time.Time, made bool, roots ...Ref) (members []Member) {
	f.mu.RLock()
	below := descent{of: make([]byte, f.count), made: made}
	for _, r := range roots {
		if n := f.find(r); n != 0 {
			below.of[n] = yes
		}
	}
	f.mu.RUnlock()
	f.all(func(n uint32) {
		if below.has(f, n, depth) {
			members = append(members, f.member(n, made, now.UnixMilli()))
		}
	})
	return members
}

// descent is what is known of each node: whether it is below a root.
type descent struct {
	of   []byte
	made bool
}

const (
	yes = iota + 1
	no
)

func (d *descent) has(f *Fold, n uint32, left int) (found bool) {
	for uint32(len(d.of)) <= n {
		d.of = append(d.of, 0)
	}
	if d.of[n] != 0 || left == 0 {
		return d.of[n] == yes
	}
	f.parents(f.node(n), func(p uint32) bool {
		found = d.has(f, p, left-1)
		return !found
	})
	if s := f.node(n).madeIn; d.made && !found && s != 0 {
		found = d.has(f, s, left-1)
	}
	d.of[n] = no
	if found {
		d.of[n] = yes
	}
	return found
}

func (f *Fold) member(n uint32, made bool, now int64) Member {
	m := Member{Ref: f.ref(n), Born: f.node(n).born.position()}
	m.Standing, m.Ended = f.stands(now, func(w *walk) bool { return w.node(n) })
	f.parents(f.node(n), func(p uint32) bool {
		m.Parents = append(m.Parents, f.ref(p))
		return true
	})
	if s := f.node(n).madeIn; made && s != 0 {
		m.Parents = append(m.Parents, f.ref(s))
	}
	return m
}

// Census is how every node stood at one position and one moment.
type Census struct {
	fold *Fold
	now  int64
	at   []Standing
}

// Census looks at every node.
func (f *Fold) Census(now time.Time) Census {
	c := Census{fold: f, now: now.UnixMilli()}
	f.all(func(n uint32) {
		for uint32(len(c.at)) <= n {
			c.at = append(c.at, Unborn)
		}
		c.at[n], _ = f.stands(c.now, func(w *walk) bool { return w.node(n) })
	})
	return c
}

// Ended lists what was live or paused at the census and has ended by what the fold has applied since, with how it stood
// then. The moment is the census's own: nothing is listed because time went by.
func (c Census) Ended() (members []Member) {
	c.fold.all(func(n uint32) {
		if n >= uint32(len(c.at)) || c.at[n] != Alive && c.at[n] != Held {
			return
		}
		m := c.fold.member(n, false, c.now)
		if m.Standing == Gone {
			m.Standing = c.at[n]
			members = append(members, m)
		}
	})
	return members
}

// Above lists the nodes of a kind that r descends from, itself included, whether or not a fact created them.
func (f *Fold) Above(r Ref, kind string) (found []Ref) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	want := f.kinds[kind]
	seen := map[uint32]bool{}
	var up func(n uint32)
	up = func(n uint32) {
		if n == 0 || seen[n] {
			return
		}
		seen[n] = true
		if f.node(n).kind == want {
			found = append(found, f.ref(n))
		}
		f.parents(f.node(n), func(p uint32) bool { up(p); return true })
	}
	up(f.find(r))
	return found
}
