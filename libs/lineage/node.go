package lineage

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
)

// order is a place in the log: position, index of the fact, and effects of a fact before what it creates.
type order uint64

func at(position uint64, fact int, birth bool) order {
	o := order(position)<<16 | order(min(fact, 1<<15-1))<<1
	if birth {
		o |= 1
	}
	return o
}

func (o order) position() uint64 { return uint64(o >> 16) }

const (
	never    = math.MaxInt64
	pageBits = 8
	pageMask = 1<<pageBits - 1
)

const (
	fBorn   = 1 << iota // a fact created it
	fPaused             // and nothing resumed it
	fOpaque             // a fact of unknown type concerns it
	fMany               // parent is an index into Fold.lists
	fPart               // sub is the part before it, id its number
	fHashed             // its name is in Fold.hashed
)

// node is one cache line, because there are millions: what a fact created, or what one ended before anything created it.
type node struct {
	id     [16]byte
	seen   uint64
	born   order
	due    int64  // Unix milliseconds
	parent uint32 // its one ancestor, 0 for none; with fMany where its list begins
	owner  uint32 // the subject whose aggregate it was born in
	madeIn uint32 // the session its maker used
	fate   uint32 // its endings, into Fold.endings
	sub    uint32 // its newest numbered part
	kind   uint8
	flags  uint8
}

func (x *node) number() uint32 { return binary.LittleEndian.Uint32(x.id[:]) }

func (f *Fold) node(n uint32) *node { return &f.pages[n>>pageBits][n&pageMask] }

// edit is node for what changes it; only the writer calls it. What node gave of the same page before may be old then.
func (f *Fold) edit(n uint32) *node {
	if p := n >> pageBits; int(p) < len(f.shared) && f.shared[p] {
		f.pages[p], f.shared[p] = new(*f.pages[p]), false
	}
	return f.node(n)
}

// intern finds the node or makes one that nothing has created yet.
func (f *Fold) intern(kind uint8, id string) uint32 {
	short, hashed := compact(id)
	if n := f.index.find(f, kind, &short); n != 0 {
		return n
	}
	n := f.add(kind, short)
	if hashed {
		f.edit(n).flags |= fHashed
		f.hashed[n] = strings.Clone(id)
	}
	f.index.add(f, n)
	return n
}

func (f *Fold) add(kind uint8, id [16]byte) uint32 {
	if last := len(f.free) - 1; last >= 0 {
		n := f.free[last]
		f.free = f.free[:last]
		*f.edit(n) = node{id: id, kind: kind, due: never}
		return n
	}
	n := f.count
	if n&pageMask == 0 {
		f.pages = append(f.pages, new([1 << pageBits]node))
	}
	f.count++
	*f.edit(n) = node{id: id, kind: kind, due: never}
	return n
}

// ref is the name of a node.
func (f *Fold) ref(n uint32) Ref {
	x := f.node(n)
	switch {
	case x.flags&fPart != 0:
		return Part(f.names[x.kind], f.ref(x.owner).ID, x.number())
	case x.flags&fHashed != 0:
		return Ref{Kind: f.names[x.kind], ID: f.hashed[n]}
	}
	text := hex.EncodeToString(x.id[:])
	return Ref{Kind: f.names[x.kind], ID: text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]}
}

// part finds the number-th part of a node, or gives 0.
func (f *Fold) part(of uint32, kind uint8, number uint32) uint32 {
	for n := f.node(of).sub; n != 0; n = f.node(n).sub {
		if p := f.node(n); p.number() == number && p.kind == kind {
			return n
		}
	}
	return 0
}

// find looks a node up by name, or gives 0.
func (f *Fold) find(r Ref) uint32 {
	kind, ok := f.kinds[r.Kind]
	if !ok {
		return 0
	}
	id, _ := compact(r.ID)
	if n := f.index.find(f, kind, &id); n != 0 {
		return n
	}
	slash := strings.LastIndexByte(r.ID, '/')
	if slash < 0 {
		return 0
	}
	number, err := strconv.ParseUint(r.ID[slash+1:], 10, 32)
	if err != nil {
		return 0
	}
	id, _ = compact(r.ID[:slash])
	for _, whole := range f.wholes[kind] {
		if of := f.index.find(f, whole, &id); of != 0 {
			if n := f.part(of, kind, uint32(number)); n != 0 {
				return n
			}
		}
	}
	return 0
}

// parents calls yield for each ancestor that the fact of birth named.
func (f *Fold) parents(n *node, yield func(uint32) bool) {
	if n.flags&fMany == 0 {
		if n.parent != 0 {
			yield(n.parent)
		}
		return
	}
	size := f.lists[n.parent]
	for _, p := range f.lists[n.parent+1 : n.parent+1+size] {
		if !yield(p) {
			return
		}
	}
}

// descends is true if ancestor can be reached from n.
func (f *Fold) descends(n, ancestor uint32, depth int) (found bool) {
	if n == ancestor {
		return true
	}
	if depth == 0 {
		return false
	}
	f.parents(f.node(n), func(p uint32) bool {
		found = f.descends(p, ancestor, depth-1)
		return !found
	})
	return found
}

// compact is a UUID's 16 bytes; any other id becomes 128 bits of its SHA-256.
func compact(id string) (short [16]byte, hashed bool) {
	if uuid(id, &short) {
		return short, false
	}
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16]), true
}

// uuid reads the canonical lower-case form of RFC 9562 §4 and nothing else, so that two ids are never taken for one.
func uuid(s string, out *[16]byte) bool {
	if len(s) != 36 {
		return false
	}
	at := 0
	for i := 0; i < 36; i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
			continue
		}
		var v byte
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			v = c - '0'
		case c >= 'a' && c <= 'f':
			v = c - 'a' + 10
		default:
			return false
		}
		out[at/2] = out[at/2]<<4 | v
		at++
	}
	return true
}
