// Package killtree tells what descends from something and what one fact ended, by the parentage that facts declare.
package killtree

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/endings"
)

// ErrNoEnding says that no fact at a position ends anything.
var ErrNoEnding = errors.New("no fact at this position ends anything")

// Log is what the past is read from.
type Log interface {
	Follow(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error
	FollowActivity(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error
	ActivitySince(ctx context.Context, t time.Time) (after, last uint64, err error)
	Get(ctx context.Context, sequence uint64) (eventlog.Recorded, error)
}

// kept is how many lists are remembered; what a fact ended never changes.
const kept = 8

// Historian derives from the log alone what a fact ended. It is safe for concurrent use; one question is answered at a
// time, since each reads the log from its beginning.
type Historian struct {
	Log Log
	// Lifetime is how long an access token lives at most.
	Lifetime time.Duration

	mu    sync.Mutex
	lists map[uint64]endings.List
	order []uint64
}

// Ends says whether a fact ends something.
func Ends(fact proto.Message) bool {
	if fact == nil {
		return false
	}
	ends, _ := proto.GetExtension(fact.ProtoReflect().Descriptor().Options(), eventv1.E_Ends).([]*eventv1.Effect)
	return len(ends) > 0
}

// CauseOf is the fact of a message that ends something, or false.
func CauseOf(r eventlog.Recorded) (c endings.Cause, ok bool) {
	for i, fact := range r.Facts {
		if Ends(fact) {
			e := r.Envelope
			return endings.Cause{
				Position: r.Sequence, ID: r.FactID(i), Type: string(proto.MessageName(fact)), At: r.Time.UTC(),
				Of:      endings.Node{Kind: e.GetSubject().GetKind(), ID: e.GetSubject().GetId()},
				ActorID: e.GetActor().GetId(), Actor: e.GetActor().GetKind(),
			}, true
		}
	}
	return c, false
}

// Ending is everything that the fact at a position ended: what stood just before it and, by it alone, no longer did.
func (h *Historian) Ending(ctx context.Context, position uint64) (endings.List, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l, ok := h.lists[position]; ok {
		return l, nil
	}
	l, err := h.derive(ctx, position)
	if err != nil {
		return l, err
	}
	if h.lists == nil {
		h.lists = map[uint64]endings.List{}
	}
	if h.order = append(h.order, position); len(h.order) > kept {
		delete(h.lists, h.order[0])
		h.order = h.order[1:]
	}
	h.lists[position] = l
	return l, nil
}

func (h *Historian) derive(ctx context.Context, position uint64) (l endings.List, err error) {
	r, err := h.Log.Get(ctx, position)
	if err != nil {
		return l, err
	}
	var ok bool
	if l.Cause, ok = CauseOf(r); !ok {
		return l, ErrNoEnding
	}
	tokens, err := h.tokens(ctx, r)
	if err != nil {
		return l, err
	}
	fold := lineage.NewFold()
	var before lineage.Census
	stood := make([]lineage.Standing, len(tokens))
	err = h.Log.Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, b := range batch {
			if b.Sequence == position {
				before = fold.Census(r.Time)
				for i, t := range tokens {
					stood[i] = fold.Stands(t, r.Time)
				}
			}
			if err := fold.Apply(b.Sequence, b.Time, b.Envelope, []proto.Message(b.Facts)); err != nil {
				return err
			}
			if b.Sequence == position {
				return eventlog.ErrStop
			}
		}
		return nil
	})
	if err != nil {
		return l, err
	}
	l.Ended = []endings.Listed{}
	for _, m := range before.Ended() {
		l.Ended = append(l.Ended, endings.Listed{Node: node(m.Ref), Was: m.Standing.String(), Parents: nodes(m.Parents)})
	}
	for i, t := range tokens {
		if was := stood[i]; (was == lineage.Alive || was == lineage.Held) && fold.Stands(t, r.Time) == lineage.Gone {
			l.Ended = append(l.Ended, endings.Listed{Node: node(t.Ref), Was: was.String(), Parents: parents(t)})
		}
	}
	l.Counted()
	return l, nil
}

func node(r lineage.Ref) endings.Node { return endings.Node{Kind: r.Kind, ID: r.ID} }

func nodes(refs []lineage.Ref) (all []endings.Node) {
	for _, r := range refs {
		all = append(all, node(r))
	}
	return all
}
