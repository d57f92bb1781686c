package eventlog

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// errLost says that the connection broke while an answer was awaited: it will not come.
var errLost = errors.New("the connection was lost while waiting")

// wire tells those who wait for an answer on a connection that it will not come: the server refused the subject, which it
// says without saying whom it answers, or the connection broke.
type wire struct {
	mu      sync.Mutex
	waiting map[string]map[*waiter]bool // by subject
}

type waiter struct{ end context.CancelCauseFunc }

// wires are shared by all that use a connection.
var wires sync.Map // *nats.Conn → *wire

func wireOf(nc *nats.Conn) *wire {
	fresh := &wire{waiting: map[string]map[*waiter]bool{}}
	known, loaded := wires.LoadOrStore(nc, fresh)
	if loaded {
		return known.(*wire)
	}
	next := nc.ErrorHandler()
	nc.SetErrorHandler(func(c *nats.Conn, s *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			fresh.refused(err.Error())
		}
		if next != nil {
			next(c, s, err)
		}
	})
	status := nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	go func() {
		for s := range status {
			if s == nats.CLOSED {
				break
			}
			fresh.lost()
		}
		wires.Delete(nc)
	}()
	return fresh
}

// await is ctx until the answer to a request on subject can no longer come; its cause says why. Done must be called.
func (w *wire) await(ctx context.Context, subject string) (_ context.Context, done func()) {
	ctx, end := context.WithCancelCause(ctx)
	one := &waiter{end}
	w.mu.Lock()
	if w.waiting[subject] == nil {
		w.waiting[subject] = map[*waiter]bool{}
	}
	w.waiting[subject][one] = true
	w.mu.Unlock()
	return ctx, func() {
		w.mu.Lock()
		if delete(w.waiting[subject], one); len(w.waiting[subject]) == 0 {
			delete(w.waiting, subject)
		}
		w.mu.Unlock()
		end(nil)
	}
}

// refused ends the waiting on the subject that the server's text names.
func (w *wire) refused(text string) {
	_, rest, ok := strings.Cut(text, "Publish to \"")
	if !ok {
		return
	}
	subject, _, _ := strings.Cut(rest, "\"")
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.waiting[subject] {
		one.end(ErrForbidden)
	}
}

func (w *wire) lost() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, all := range w.waiting {
		for one := range all {
			one.end(errLost)
		}
	}
}
