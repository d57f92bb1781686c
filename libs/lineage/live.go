package lineage

import "time"

// depth bounds how far descent is followed; whatever descends further is not live.
const depth = 16

// Node is a handle of a node of one fold, quicker to ask about than a Ref. It stays good as long as the fold.
type Node uint32

// Find gives the handle of a node that a fact created.
func (f *Fold) Find(r Ref) (Node, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n := f.find(r)
	if n == 0 || f.node(n).flags&fBorn == 0 {
		return 0, false
	}
	return Node(n), true
}

// Live is nil if what the log created under this name is live at now and at the fold's position, else a *Dead.
func (f *Fold) Live(r Ref, now time.Time) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n := f.find(r)
	if n == 0 {
		return &Dead{Of: r, By: r, Cause: Unknown}
	}
	var w walk
	w.fold, w.now = f, now.UnixMilli()
	if w.node(n) {
		return nil
	}
	return w.dead(r)
}

// LiveNode is Live by handle.
func (f *Fold) LiveNode(n Node, now time.Time) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var w walk
	w.fold, w.now = f, now.UnixMilli()
	if w.node(uint32(n)) {
		return nil
	}
	return w.dead(f.ref(uint32(n)))
}

// LiveClaim is nil if the claim and everything it descends from is live at now and at the fold's position, else a *Dead.
func (f *Fold) LiveClaim(c Claim, now time.Time) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var w walk
	w.fold, w.now = f, now.UnixMilli()
	if w.claim(&c) {
		return nil
	}
	return w.dead(c.Ref)
}

// Since is the position of the newest ending or reopening of a node for descendants of a kind; open is false while it
// stands ended for them. A node that never ended gives 0 and true.
func (f *Fold) Since(r Ref, kind string) (position uint64, open bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	reach, open := f.kinds[kind], true
	n := f.find(r)
	if n == 0 {
		return 0, true
	}
	for i := f.node(n).fate; i != 0; i = f.endings[i].next {
		if e := &f.endings[i]; !e.made && (e.reach == 0 || e.reach == reach) {
			position, open = max(position, e.at.position()), open && e.open
		}
	}
	return position, open
}

// seeker is a descendant on the way from what was asked about to an ancestor.
type seeker struct {
	seen  uint64
	born  order
	owner uint32
	kind  uint8
}

// knows is true if the descendant was decided in knowledge of the ending; within one aggregate order decides.
func (s *seeker) knows(e *ending) bool {
	if s.owner != 0 && s.owner == e.owner {
		return s.born > e.at
	}
	return s.seen >= e.at.position()
}

// walk is one question: it goes up from what was asked about until something is found at fault.
type walk struct {
	fold  *Fold
	now   int64
	path  [depth]seeker
	level int
	// resumed takes every pause for resumed.
	resumed bool

	by       uint32
	claimed  Ref // at fault if by is 0
	cause    Cause
	position uint64
	until    int64
}

func (w *walk) fail(by uint32, cause Cause, position uint64, until int64) bool {
	w.by, w.cause, w.position, w.until = by, cause, position, until
	return false
}

func (w *walk) failClaim(r Ref, cause Cause, position uint64, until int64) bool {
	w.claimed = r
	return w.fail(0, cause, position, until)
}

func (w *walk) dead(of Ref) *Dead {
	d := &Dead{Of: of, By: w.claimed, Cause: w.cause, Position: w.position}
	if w.by != 0 {
		d.By = w.fold.ref(w.by)
	}
	if w.cause == Expired {
		d.Until = time.UnixMilli(w.until).UTC()
	}
	return d
}

func (w *walk) node(n uint32) bool {
	x := w.fold.node(n)
	switch {
	case x.flags&fBorn == 0, w.level == depth:
		return w.fail(n, Unknown, 0, 0)
	case !w.open(n, x):
		return false
	case w.now >= x.due:
		return w.fail(n, Expired, 0, x.due)
	}
	self := seeker{seen: x.seen, born: x.born, owner: x.owner, kind: x.kind}
	if x.madeIn != 0 && !w.clean(x.madeIn, w.fold.node(x.madeIn).kind, &self, depth) {
		return false
	}
	if x.parent == 0 && x.flags&fMany == 0 {
		return true
	}
	w.path[w.level] = self
	w.level++
	live := true
	if x.flags&fMany == 0 {
		live = w.node(x.parent)
	} else {
		size := w.fold.lists[x.parent]
		for _, p := range w.fold.lists[x.parent+1 : x.parent+1+size] {
			if live = w.node(p); !live {
				break
			}
		}
	}
	w.level--
	return live
}

// open judges a node's own endings and pauses, for itself and for every descendant on the path.
func (w *walk) open(n uint32, x *node) bool {
	if x.flags&fOpaque != 0 {
		return w.fail(n, Unreadable, 0, 0)
	}
	for i := x.fate; i != 0; i = w.fold.endings[i].next {
		e := &w.fold.endings[i]
		if e.made {
			continue
		}
		if !e.open && (e.reach == 0 || e.reach == x.kind) {
			return w.fail(n, Ended, e.ended, 0)
		}
		for l := range w.path[:w.level] {
			if s := &w.path[l]; (e.reach == 0 || e.reach == s.kind) && (!e.open || !s.knows(e)) {
				return w.fail(n, Ended, e.ended, 0)
			}
		}
	}
	if x.flags&fPaused != 0 && !w.resumed {
		return w.fail(n, Paused, 0, 0)
	}
	return true
}

// clean is true unless the session or what it descends from ended so that everything made in it ends too.
func (w *walk) clean(n uint32, session uint8, made *seeker, left int) bool {
	x := w.fold.node(n)
	for i := x.fate; i != 0; i = w.fold.endings[i].next {
		if e := &w.fold.endings[i]; e.made && (e.reach == 0 || e.reach == session) && !made.knows(e) {
			return w.fail(n, Ended, e.ended, 0)
		}
	}
	if left == 0 {
		return w.fail(n, Unknown, 0, 0)
	}
	clean := true
	w.fold.parents(x, func(p uint32) bool {
		clean = w.clean(p, session, made, left-1)
		return clean
	})
	return clean
}

func (w *walk) claim(c *Claim) bool {
	cause, position, until := Cause(0), uint64(0), int64(0)
	switch {
	case w.level == depth, len(c.Ancestors)+len(c.From) == 0:
		cause = Unknown
	case c.Seen > w.fold.position.Load():
		cause, position = Behind, c.Seen
	case w.now >= c.Expires.UnixMilli():
		cause, until = Expired, c.Expires.UnixMilli()
	}
	if cause != 0 {
		return w.failClaim(c.Ref, cause, position, until)
	}
	if n := w.fold.find(c.Ref); n != 0 && !w.open(n, w.fold.node(n)) {
		return false
	}
	w.path[w.level] = seeker{seen: c.Seen, kind: w.fold.kinds[c.Ref.Kind]}
	w.level++
	defer func() { w.level-- }()
	for i := range c.From {
		if !w.claim(&c.From[i]) {
			return false
		}
	}
	for _, a := range c.Ancestors {
		n := w.fold.find(a)
		if n == 0 {
			return w.failClaim(a, Unknown, 0, 0)
		}
		if !w.node(n) {
			return false
		}
	}
	return true
}
