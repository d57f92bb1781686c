package verify

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Head is the hash of a growing tree, kept as its complete subtrees alone: at most one a bit of its size.
type Head struct {
	size int64
	// subtrees are the largest first.
	subtrees []tlog.Hash
}

// Size is how many records the tree has.
func (h *Head) Size() int64 { return h.size }

// Add appends the hash of a record.
func (h *Head) Add(leaf tlog.Hash) {
	for range bits.TrailingZeros64(^uint64(h.size)) {
		last := len(h.subtrees) - 1
		leaf = tlog.NodeHash(h.subtrees[last], leaf)
		h.subtrees = h.subtrees[:last]
	}
	h.subtrees = append(h.subtrees, leaf)
	h.size++
}

// Root is the hash of the whole tree.
func (h *Head) Root() tlog.Hash {
	if h.size == 0 {
		return tlog.Hash(sha256.Sum256(nil))
	}
	root := h.subtrees[len(h.subtrees)-1]
	for i := len(h.subtrees) - 2; i >= 0; i-- {
		root = tlog.NodeHash(h.subtrees[i], root)
	}
	return root
}
