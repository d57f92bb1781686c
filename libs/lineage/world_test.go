package lineage_test

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/lineage/internal/truth"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// message is one entry of the world's log; births and changes say what the facts mean, for truth and the fork.
type message struct {
	position int
	stored   int64
	envelope *eventv1.Envelope
	facts    []proto.Message
	births   []truth.Thing
	changes  []truth.Change
}

// judge is what a deciding service or an authorizer holds: the fold, or the fork of it with a fault.
type judge interface {
	apply(*message)
	position() int
	live(lineage.Ref, int64) error
	liveClaim(lineage.Claim, int64) error
}

type real struct{ fold *lineage.Fold }

func newReal() judge { return real{lineage.NewFold()} }

func (r real) apply(m *message) {
	if err := r.fold.Apply(uint64(m.position), time.Unix(m.stored, 0), m.envelope, m.facts); err != nil {
		panic(err)
	}
}
func (r real) position() int                            { return int(r.fold.Position()) }
func (r real) live(x lineage.Ref, now int64) error      { return r.fold.Live(x, time.Unix(now, 0)) }
func (r real) liveClaim(c lineage.Claim, n int64) error { return r.fold.LiveClaim(c, time.Unix(n, 0)) }

// faults are what a plainer version would do; the property must find each.
type faults struct {
	noWait, afterRows, beat, policySeen, leastSeen, authorityOnce bool // of who decides

	notEnded, orderless, oneNumber, shallow, newestSeen, requestless, decisionTime bool // of the fold
}

const (
	identity = iota
	registry
	approval
	issuance
	services
)

// service decides by a fold of its own, which lags.
type service struct {
	judge
	answered int // position up to which its policies ran
}

// world is the suite in small: a log, services that lag, sessions and tokens, and people who do things.
type world struct {
	faults
	make     func() judge
	clock    int64
	log      []*message
	tails    map[string]int // aggregate to its newest position
	versions map[string]uint64
	services [services]*service
	truth    *truth.History
	queue    []*pending
	claims   map[string]lineage.Claim

	ids                                        int
	orgs, people, keys, sessions, tokens, gens []string
	apps                                       []*app
	requests                                   []*request
	grants                                     []*grant
	creds                                      []*cred
	ended                                      map[string]bool // organisations, people and applications that stand ended
	gone                                       map[string]bool // and cannot be reopened
	personOf                                   map[string]string
}

type app struct {
	id, org string
	born    int
}
type request struct {
	id      string
	app     *app
	decided bool
}
type grant struct {
	id      string
	request *request
}
type cred struct {
	id     string
	grant  *grant
	newest uint32
	seen   int
}

func newWorld(f faults, make_ func() judge) *world {
	w := &world{faults: f, make: make_, clock: 1_800_000_000, truth: truth.NewHistory(), tails: map[string]int{}, versions: map[string]uint64{},
		claims: map[string]lineage.Claim{}, ended: map[string]bool{}, gone: map[string]bool{}, personOf: map[string]string{}}
	for i := range w.services {
		w.services[i] = &service{judge: make_()}
	}
	return w
}

func (w *world) id() string {
	w.ids++
	return fmt.Sprintf("00000000-0000-7000-8000-%012d", w.ids)
}

func (w *world) catchUp(s *service, to int) {
	for to = min(to, len(w.log)); s.position() < to; {
		s.apply(w.log[s.position()])
	}
}

// decision is one command of a service, as often as it is tried.
type decision struct {
	service  int
	kind, id string   // the aggregate it appends to
	loads    []string // others it loads, newest from the log
	session  string   // whose authority it needs
	shown    uint64   // the highest position of what the caller showed
	check    func(live func(kind, id string) bool, claim func(string) bool) bool
	facts    func(position int) ([]proto.Message, []truth.Thing, []truth.Change)
	landed   func(position, seen int)
	cause    int  // position of the fact a policy answers
	record   bool // says only what was so already
	after    int  // how far the log is followed between rows and checkpoint, where that is a fault
}

// pending is a decision that was taken and whose append is under way.
type pending struct {
	*decision
	seen, knew, expected int
	decided              int64
}

// rest is what a decision rests on: it waits for what it loaded and was shown, then reads rows and checkpoint as one.
func (w *world) rest(d *decision, again bool) (p *pending, ok bool) {
	aggregate := d.kind + "/" + d.id
	tail := w.tails[aggregate]
	for _, l := range d.loads {
		tail = max(tail, w.tails[l])
	}
	shown := int(d.shown)
	if d.session != "" {
		shown = max(shown, int(w.claims[d.session].Shown()))
	}
	s := w.services[d.service]
	if !w.noWait && !w.beat {
		w.catchUp(s, max(tail, shown))
	}
	p = &pending{decision: d, expected: w.tails[aggregate], decided: w.clock}
	p.knew = s.position()
	ok = d.check == nil || d.check(
		func(kind, id string) bool { return s.live(lineage.Ref{Kind: kind, ID: id}, w.clock) == nil },
		func(claim string) bool { return s.liveClaim(w.claims[claim], w.clock) == nil })
	if d.session != "" && !(again && w.authorityOnce) {
		ok = ok && s.liveClaim(w.claims[d.session], w.clock) == nil
	}
	p.seen = p.knew
	switch {
	case w.afterRows:
		w.catchUp(s, p.knew+d.after)
		p.seen = s.position()
	case w.beat:
		p.seen = len(w.log)
	case w.policySeen && d.cause > 0:
		p.seen = d.cause
	case w.noWait:
		// What a decision was shown and loaded it is held to know.
		p.knew = max(p.knew, tail, shown)
	}
	return p, ok
}

// do decides and appends at once or later.
func (w *world) do(d *decision, later bool) {
	p, ok := w.rest(d, false)
	switch {
	case !ok:
	case later:
		w.queue = append(w.queue, p)
	default:
		w.land(p)
	}
}

// land appends, and decides again if another decision on the aggregate came between.
func (w *world) land(p *pending) {
	aggregate := p.kind + "/" + p.id
	if w.tails[aggregate] != p.expected {
		again, ok := w.rest(p.decision, true)
		if !ok {
			return
		}
		p = again
	}
	facts, births, changes := p.facts(len(w.log) + 1)
	if len(facts) == 0 {
		return
	}
	m := &message{position: len(w.log) + 1, stored: w.clock, facts: facts}
	w.versions[aggregate]++
	m.envelope = &eventv1.Envelope{
		Subject: &eventv1.Subject{Kind: p.kind, Id: p.id}, Version: w.versions[aggregate], Seen: uint64(p.seen),
		Actor: &eventv1.Actor{Kind: "service", Id: "s"},
	}
	if p.session != "" {
		m.envelope.Actor = &eventv1.Actor{Kind: "person", Id: w.personOf[p.session], Session: p.session}
	}
	place := func(at truth.Place) truth.Place {
		return truth.Place{Position: m.position, Index: at.Index, Aggregate: aggregate}
	}
	for _, b := range births {
		b.Place, b.Knew, b.Decided, b.MadeIn = place(b.Place), p.knew, p.decided, p.session
		m.births = append(m.births, b)
		w.truth.Create(b)
	}
	for _, c := range changes {
		c.Place, c.Stored = place(c.Place), m.stored
		m.changes = append(m.changes, c)
		if !p.record {
			w.truth.Happen(c)
		}
	}
	w.log = append(w.log, m)
	w.tails[aggregate] = m.position
	if p.landed != nil {
		p.landed(m.position, p.seen)
	}
}

// claim lets a service hand out a session or token that never stands in the log.
func (w *world) claim(d *decision, kind string, life int64, ancestors []lineage.Ref, from ...string) string {
	p, ok := w.rest(d, false)
	if !ok {
		return ""
	}
	id := w.id()
	c := lineage.Claim{Ref: lineage.Ref{Kind: kind, ID: id}, Seen: uint64(p.seen), Expires: time.Unix(w.clock+life, 0), Ancestors: ancestors}
	t := truth.Thing{ID: id, Kind: kind, Knew: p.knew, Decided: p.decided, Until: w.clock + life}
	for _, a := range ancestors {
		t.From = append(t.From, a.ID)
	}
	for _, f := range from {
		c.From, t.From = append(c.From, w.claims[f]), append(t.From, f)
		if w.leastSeen {
			c.Seen = min(c.Seen, w.claims[f].Seen)
		}
	}
	w.claims[id] = c
	w.truth.Create(t)
	return id
}
