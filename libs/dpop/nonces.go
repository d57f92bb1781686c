package dpop

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

const (
	// Window is how long one nonce is handed out; it is accepted for as long again.
	Window = 2 * time.Minute
	// remembered bounds how many proofs are remembered for one nonce: 4 MB each.
	remembered = 1 << 18
)

var errUsed = errors.New("dpop: used already")

// Nonces hands out the nonces of this instance and remembers what was used under each, so that a proof passes here once
// and, since no other instance and no later start knows its nonce, nowhere else. Memory is bounded: a nonce under which too
// much was used ends early. Safe for concurrent use.
type Nonces struct {
	key [32]byte

	mu    sync.Mutex
	epoch uint64
	since time.Time
	// Of the current epoch and of the one before.
	nonce [2]string
	used  [2]map[[16]byte]struct{}
}

// NewNonces starts with a key of its own.
func NewNonces() *Nonces {
	n := &Nonces{}
	_, _ = rand.Read(n.key[:]) // never fails, see crypto/rand
	return n
}

// Current is the nonce to hand out.
func (n *Nonces) Current(now time.Time) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.turn(now)
	return n.nonce[0]
}

// use takes note of one use under a nonce: ErrNonce unless the nonce is accepted, errUsed if it is not the first.
func (n *Nonces) use(nonce string, what [16]byte, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.turn(now)
	for i, accepted := range n.nonce {
		if accepted == "" || subtle.ConstantTimeCompare([]byte(accepted), []byte(nonce)) == 0 {
			continue
		}
		if _, again := n.used[i][what]; again {
			return errUsed
		}
		n.used[i][what] = struct{}{}
		if len(n.used[i]) >= remembered {
			n.next(now)
		}
		return nil
	}
	return ErrNonce
}

// accepts says whether a nonce is one of this instance's that is not over.
func (n *Nonces) accepts(nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.turn(now)
	for _, accepted := range n.nonce {
		if accepted != "" && subtle.ConstantTimeCompare([]byte(accepted), []byte(nonce)) == 1 {
			return true
		}
	}
	return false
}

func (n *Nonces) turn(now time.Time) {
	switch age := now.Sub(n.since); {
	case n.nonce[0] == "" || age >= 2*Window:
		n.next(now)
		n.nonce[1], n.used[1] = "", nil
	case age >= Window:
		n.next(now)
	}
}

func (n *Nonces) next(now time.Time) {
	n.epoch++
	n.since = now
	var epoch [8]byte
	binary.BigEndian.PutUint64(epoch[:], n.epoch)
	mac := hmac.New(sha256.New, n.key[:])
	mac.Write(epoch[:])
	n.nonce = [2]string{base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18]), n.nonce[0]}
	n.used = [2]map[[16]byte]struct{}{{}, n.used[0]}
}
