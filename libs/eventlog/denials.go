package eventlog

import (
	"errors"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// denials turns the server's asynchronous refusals of a publish into an answer for whoever waits on that subject.
type denials struct {
	mu      sync.Mutex
	waiting map[string][]chan struct{}
}

// watched remembers the listener of a connection, so that two logs on one connection share it.
var watched sync.Map

func watchDenials(nc *nats.Conn) *denials {
	fresh := &denials{waiting: map[string][]chan struct{}{}}
	known, loaded := watched.LoadOrStore(nc, fresh)
	if loaded {
		return known.(*denials)
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
	closed := nc.ClosedHandler()
	nc.SetClosedHandler(func(c *nats.Conn) {
		watched.Delete(nc)
		if closed != nil {
			closed(c)
		}
	})
	return fresh
}

// refused wakes those who wait on the subject the server's text names.
func (d *denials) refused(text string) {
	_, rest, ok := strings.Cut(text, "Publish to \"")
	if !ok {
		return
	}
	subject, _, _ := strings.Cut(rest, "\"")
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.waiting[subject] {
		close(c)
	}
	delete(d.waiting, subject)
}

// watch returns a channel that is closed when a publish to subject is refused, and how to stop watching.
func (d *denials) watch(subject string) (<-chan struct{}, func()) {
	c := make(chan struct{})
	d.mu.Lock()
	d.waiting[subject] = append(d.waiting[subject], c)
	d.mu.Unlock()
	return c, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		list := d.waiting[subject]
		for i := range list {
			if list[i] == c {
				list = append(list[:i:i], list[i+1:]...)
				break
			}
		}
		if len(list) == 0 {
			delete(d.waiting, subject)
		} else {
			d.waiting[subject] = list
		}
	}
}
