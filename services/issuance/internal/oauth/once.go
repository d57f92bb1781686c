package oauth

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

var (
	errUsed = errors.New("used already")
	errFull = errors.New("too much is remembered; try again later")
)

// kept bounds what is remembered for one lifetime.
const kept = 1 << 18

// once remembers what may be used once for as long as it could be used again. The zero value is ready.
type once struct {
	mu    sync.Mutex
	since time.Time
	// Of this lifetime and of the one before.
	used [2]map[[16]byte]struct{}
}

// use takes note of one use of a name that is over within a lifetime: errUsed if it is not the first.
func (o *once) use(name string, now time.Time, lifetime time.Duration) error {
	h := sha256.Sum256([]byte(name))
	key := [16]byte(h[:16])
	o.mu.Lock()
	defer o.mu.Unlock()
	switch age := now.Sub(o.since); {
	case o.used[0] == nil || age >= 2*lifetime:
		o.used, o.since = [2]map[[16]byte]struct{}{{}, {}}, now
	case age >= lifetime:
		o.used, o.since = [2]map[[16]byte]struct{}{{}, o.used[0]}, now
	}
	for _, used := range o.used {
		if _, again := used[key]; again {
			return errUsed
		}
	}
	if len(o.used[0]) >= kept {
		return errFull
	}
	o.used[0][key] = struct{}{}
	return nil
}
