package projection

import (
	"context"
	"sync"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// recently bounds the records kept in memory for policies that are close behind the views.
const recently = 4096

// recent holds the newest records the views have taken, so that the policies need no reading of their own.
type recent struct {
	mu      sync.Mutex
	from    uint64 // everything after it is here
	records []eventlog.Recorded
	moved   chan struct{}
}

// reset says that what follows from is to come.
func (q *recent) reset(from uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.from, q.records = from, nil
	q.wake()
}

func (q *recent) add(batch []eventlog.Recorded) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.records = append(q.records, batch...)
	if over := len(q.records) - recently; over > 0 {
		q.from = q.records[over-1].Sequence
		// Observations of one message share a position and go together.
		for over < len(q.records) && q.records[over].Sequence == q.from {
			over++
		}
		q.records = append([]eventlog.Recorded(nil), q.records[over:]...)
	}
	q.wake()
}

func (q *recent) wake() {
	if q.moved != nil {
		close(q.moved)
		q.moved = nil
	}
}

// after is what follows position, once something does; ok is false when some of it is no longer here.
func (q *recent) after(ctx context.Context, position uint64) (records []eventlog.Recorded, ok bool, err error) {
	for {
		q.mu.Lock()
		if position < q.from {
			q.mu.Unlock()
			return nil, false, nil
		}
		if found := after(q.records, position); len(found) > 0 {
			q.mu.Unlock()
			return found, true, nil
		}
		if q.moved == nil {
			q.moved = make(chan struct{})
		}
		moved := q.moved
		q.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// covers is true when everything after position is here.
func (q *recent) covers(position uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return position >= q.from
}
