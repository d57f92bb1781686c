package intake

import "sync"

// remembered bounds how many answered reports are known by heart; one that named a secret of ours is on record besides.
const remembered = 100_000

// Replays knows which reports are under way or were answered. The zero value is ready; it is safe for concurrent use.
type Replays struct {
	mu      sync.Mutex
	known   map[string]bool
	ordered []string
}

// Enter begins with a report; false if it is under way or was answered.
func (r *Replays) Enter(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[id] {
		return false
	}
	if r.known == nil {
		r.known = map[string]bool{}
	}
	r.known[id] = true
	return true
}

// Leave ends with a report: one that was not answered may come again.
func (r *Replays) Leave(id string, answered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !answered {
		delete(r.known, id)
		return
	}
	if r.ordered = append(r.ordered, id); len(r.ordered) > remembered {
		delete(r.known, r.ordered[0])
		r.ordered = r.ordered[1:]
	}
}
