package eventlog

import (
	"container/list"
	"sync"
)

// cache keeps folded states. A kept state is only ever a prefix of the truth: whoever takes one looks up the tail.
type cache struct {
	mu      sync.Mutex
	limit   int
	order   *list.List
	entries map[string]*list.Element
}

type cached struct {
	prior
	subject  string
	eventID  string
	state    any
	commands map[string]uint64
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), entries: map[string]*list.Element{}}
}

func (c *cache) get(subject string) (cached, bool) {
	if c == nil {
		return cached{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[subject]
	if !ok {
		return cached{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(cached), true
}

// put keeps v unless something newer is kept already.
func (c *cache) put(v cached) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[v.subject]; ok {
		if e.Value.(cached).sequence <= v.sequence {
			e.Value = v
		}
		c.order.MoveToFront(e)
		return
	}
	c.entries[v.subject] = c.order.PushFront(v)
	if c.order.Len() > c.limit {
		oldest := c.order.Back()
		c.order.Remove(oldest)
		delete(c.entries, oldest.Value.(cached).subject)
	}
}

func (c *cache) drop(subject string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[subject]; ok {
		c.order.Remove(e)
		delete(c.entries, subject)
	}
}
