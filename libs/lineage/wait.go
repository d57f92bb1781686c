package lineage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrBehind says that a fold did not reach a position in the time given.
var ErrBehind = errors.New("lineage: behind")

// Position is the position of the last message applied.
func (f *Fold) Position() uint64 { return f.position.Load() }

// WaitFor returns once the fold has reached the position. It gives ErrBehind, with the context's own error, when ctx ends
// first.
func (f *Fold) WaitFor(ctx context.Context, position uint64) error {
	if f.position.Load() >= position {
		return nil
	}
	reached := f.waiting.add(position)
	// The position may have been reached before the waiter was known.
	if f.position.Load() >= position {
		f.waiting.remove(reached)
		return nil
	}
	select {
	case <-reached:
		return nil
	case <-ctx.Done():
		f.waiting.remove(reached)
		return fmt.Errorf("%w: at %d, waited for %d: %w", ErrBehind, f.position.Load(), position, context.Cause(ctx))
	}
}

// waiting is who waits for which position.
type waiting struct {
	mu   sync.Mutex
	list []waiter
}

type waiter struct {
	position uint64
	reached  chan struct{}
}

func (w *waiting) add(position uint64) chan struct{} {
	reached := make(chan struct{})
	w.mu.Lock()
	w.list = append(w.list, waiter{position, reached})
	w.mu.Unlock()
	return reached
}

func (w *waiting) remove(reached chan struct{}) {
	w.mu.Lock()
	w.list = slices.DeleteFunc(w.list, func(o waiter) bool { return o.reached == reached })
	w.mu.Unlock()
}

func (w *waiting) reached(position uint64) {
	w.mu.Lock()
	w.list = slices.DeleteFunc(w.list, func(o waiter) bool {
		if o.position <= position {
			close(o.reached)
			return true
		}
		return false
	})
	w.mu.Unlock()
}
