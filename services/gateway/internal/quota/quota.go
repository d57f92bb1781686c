// Package quota keeps consumers within the limits of products, over all authorizers together and without asking anybody
// while a call waits.
//
// Each authorizer may admit up to a ceiling of its own; the ceilings of one limit add up to the limit. Several times a second
// each tells the others what it admitted, how far it may go and how much was asked of it, and moves its ceiling: down to what
// it needs if others want more, up by its share of what nobody holds. One that hears of nobody keeps what it holds, and begins
// each window with an equal share.
package quota

import (
	"crypto/sha256"
	"math"
	"sync"
	"time"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
)

const (
	// every is how often authorizers tell each other.
	every = 100 * time.Millisecond
	// quiet is after how long without a word nothing is taken over from an authorizer, gone after how long it is none.
	quiet = time.Second
	gone  = time.Minute
	// most bounds the limits in use that are told of and kept.
	most = 20_000
)

// Left is how one limit stands after a call.
type Left struct {
	Limit     fold.Limit
	Remaining uint64
	// Reset is when the window is over.
	Reset time.Duration
}

// Keeper keeps the limits. It is safe for concurrent use.
type Keeper struct {
	node string
	now  func() time.Time

	mu      sync.Mutex
	entries map[key]*entry
	peers   map[string]*peer
	// cut says that the last word to the others did not go out.
	cut bool
}

type key [12]byte

type entry struct {
	limit    fold.Limit
	window   uint64
	admitted uint64
	ceiling  uint64
	// asked counts the calls since the last look, wanted is their rate a second.
	asked  uint64
	wanted float64
	// raised is when the ceiling was last moved up.
	raised time.Time
	others []*share
}

// share is what one peer last said of one limit.
type share struct {
	peer                      *peer
	window, admitted, ceiling uint64
	wanted                    float64
}

type peer struct {
	heard  time.Time
	left   bool
	shares map[key]*share
}

// New is a keeper of one authorizer.
func New(node string, now func() time.Time) *Keeper {
	return &Keeper{node: node, now: now, entries: map[key]*entry{}, peers: map[string]*peer{}}
}

func keyOf(product, consumer string, l *fold.Limit) (k key) {
	sum := sha256.Sum256([]byte(product + "\x00" + l.Name + "\x00" + l.Per + "\x00" + consumer))
	copy(k[:], sum[:])
	return k
}

func windowOf(l *fold.Limit, now time.Time) uint64 { return uint64(now.Unix()) / l.Window }

// Take counts a call of a consumer against every limit, or against none if one of them is used up, which it then names; into
// takes how they stand.
func (k *Keeper) Take(product, application, organization string, limits []fold.Limit, into []Left) (over *fold.Limit, left []Left) {
	now := k.now()
	var keys [8]key
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range limits {
		l := &limits[i]
		consumer := application
		if l.Per == "organization" {
			consumer = organization
		}
		keys[i&7] = keyOf(product, consumer, l)
		e := k.entry(keys[i&7], l, now)
		e.asked++
		if e.admitted >= e.ceiling && over == nil {
			over = l
		}
	}
	for i := range limits {
		l := &limits[i]
		e := k.entries[keys[i&7]]
		if over == nil {
			e.admitted++
		}
		used := e.admitted
		for _, s := range e.others {
			if s.window == e.window {
				used += s.admitted
			}
		}
		remaining := uint64(0)
		if used < l.Calls && over != l {
			remaining = l.Calls - used
		}
		end := time.Unix(int64((e.window+1)*l.Window), 0)
		into = append(into, Left{*l, remaining, end.Sub(now)})
	}
	return over, into
}

// entry is that of a key in the window of now.
func (k *Keeper) entry(id key, l *fold.Limit, now time.Time) *entry {
	e := k.entries[id]
	if e == nil {
		if len(k.entries) >= most {
			k.forget(now)
		}
		e = &entry{}
		for _, p := range k.peers {
			if s := p.shares[id]; s != nil {
				e.others = append(e.others, s)
			}
		}
		k.entries[id] = e
	}
	if window := windowOf(l, now); e.window != window || e.limit != *l {
		e.limit, e.window, e.admitted = *l, window, 0
		e.ceiling = k.first(e, now)
	}
	return e
}

// first is what an authorizer may admit when a window begins, by what was asked of each lately; but never what others said
// that they hold in this window already.
func (k *Keeper) first(e *entry, now time.Time) uint64 {
	members := 1
	silent := k.cut
	for _, p := range k.peers {
		if !p.left {
			members++
			silent = silent || now.Sub(p.heard) > quiet
		}
	}
	part := 1 / float64(members)
	all := e.wanted
	held := uint64(0)
	for _, s := range e.others {
		all += s.wanted
		if s.window == e.window {
			held += s.ceiling
		}
	}
	if !silent && all > 0 && members > 1 {
		part = 0.9*e.wanted/all + 0.1*part
	}
	own := uint64(float64(e.limit.Calls) * part)
	if held >= e.limit.Calls {
		return 0
	}
	return min(own, e.limit.Calls-held)
}

// forget makes room: limits whose window is over go first, then any.
func (k *Keeper) forget(now time.Time) {
	for id, e := range k.entries {
		if windowOf(&e.limit, now) != e.window {
			delete(k.entries, id)
		}
	}
	for id := range k.entries {
		if len(k.entries) < most {
			return
		}
		delete(k.entries, id)
	}
}

// look moves the ceilings and gives what the others are to be told.
func (k *Keeper) look(now time.Time, since time.Duration) []*eventv1.Share {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, p := range k.peers {
		// One that was cut off itself goes on for as long as its lease, on an equal share; it is not forgotten before.
		if !k.cut && now.Sub(p.heard) > gone {
			delete(k.peers, name)
			for _, e := range k.entries {
				e.drop(p)
			}
		}
	}
	out := make([]*eventv1.Share, 0, len(k.entries))
	for id, e := range k.entries {
		rate := float64(e.asked) / since.Seconds()
		e.wanted, e.asked = e.wanted*0.6+rate*0.4, 0
		window := windowOf(&e.limit, now)
		if e.window != window {
			if e.wanted < 0.01 {
				delete(k.entries, id)
				continue
			}
			e.window, e.admitted = window, 0
			e.ceiling = k.first(e, now)
		}
		k.move(e, now)
		out = append(out, &eventv1.Share{Key: id[:], Window: e.window, Admitted: e.admitted, Ceiling: e.ceiling, Wanted: uint64(math.Ceil(e.wanted))})
	}
	return out
}

func (e *entry) drop(p *peer) {
	kept := e.others[:0]
	for _, s := range e.others {
		if s.peer != p {
			kept = append(kept, s)
		}
	}
	e.others = kept
}

// needs is how much more an authorizer will be asked for in the rest of the window.
func needs(wanted float64, rest time.Duration) uint64 {
	return uint64(math.Ceil(wanted * rest.Seconds()))
}

func (k *Keeper) move(e *entry, now time.Time) {
	rest := time.Unix(int64((e.window+1)*e.limit.Window), 0).Sub(now)
	need := needs(e.wanted, rest)
	held, hungry := uint64(0), 0.0
	for _, s := range e.others {
		switch {
		case s.window != e.window:
			continue
		case s.peer.left:
			held += s.admitted
			continue
		}
		held += s.ceiling
		if have := s.ceiling - min(s.ceiling, s.admitted); needs(s.wanted, rest) > have {
			hungry += s.wanted
		}
	}
	total := held + e.ceiling
	have := e.ceiling - min(e.ceiling, e.admitted)
	switch {
	case total > e.limit.Calls:
		// More was handed out than there is, because two moved at once.
		e.ceiling = max(e.admitted, uint64(float64(e.ceiling)*float64(e.limit.Calls)/float64(total)))
	case need > have && total < e.limit.Calls && k.heardSince(e.raised, now):
		free := e.limit.Calls - total
		e.ceiling += max(1, uint64(float64(free)*e.wanted/(e.wanted+hungry)))
		e.ceiling = min(e.ceiling, e.limit.Calls-held)
		e.raised = now
	case hungry > 0 && have > need+need/4+1:
		e.ceiling = e.admitted + need + need/4 + 1
	}
}

// heardSince says whether everybody has said something since: nothing is taken over on word from before.
func (k *Keeper) heardSince(at, now time.Time) bool {
	if k.cut {
		return false
	}
	for _, p := range k.peers {
		if !p.left && (!p.heard.After(at) || now.Sub(p.heard) > quiet) {
			return false
		}
	}
	return true
}
