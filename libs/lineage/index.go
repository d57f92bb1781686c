package lineage

import (
	"encoding/binary"
	"math/bits"
)

// index finds nodes by kind and id: open addressing over the ids that the nodes hold themselves, a few bytes a node.
type index struct {
	slots []uint32
	used  int
}

// hash folds 128-bit products, so that every bit of the id moves the low ones.
func hash(kind uint8, id *[16]byte) uint64 {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(id[:8])^0xa0761d6478bd642f^uint64(kind), binary.LittleEndian.Uint64(id[8:])^0xe7037ed1a0b428db)
	hi, lo = bits.Mul64(hi^0x8ebc6af09c88c6e3, lo^0x589965cc75374cc3)
	return hi ^ lo
}

func (x *index) find(f *Fold, kind uint8, id *[16]byte) uint32 {
	if len(x.slots) == 0 {
		return 0
	}
	mask := uint64(len(x.slots) - 1)
	for i := hash(kind, id) & mask; ; i = (i + 1) & mask {
		n := x.slots[i]
		if n == 0 {
			return 0
		}
		if at := f.node(n); at.kind == kind && at.id == *id {
			return n
		}
	}
}

func (x *index) add(f *Fold, n uint32) {
	if x.used++; x.used*4 > len(x.slots)*3 {
		old := x.slots
		x.slots = make([]uint32, max(64, 2*len(old)))
		for _, o := range old {
			if o != 0 {
				x.put(f, o)
			}
		}
	}
	x.put(f, n)
}

// grow makes room for so many nodes at once.
func (x *index) grow(nodes int) {
	size := 64
	for nodes*4 > size*3 {
		size *= 2
	}
	x.slots = make([]uint32, size)
}

func (x *index) put(f *Fold, n uint32) {
	mask := uint64(len(x.slots) - 1)
	at := f.node(n)
	i := hash(at.kind, &at.id) & mask
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = n
}

// remove takes a node out and moves up those that had made way for it.
func (x *index) remove(f *Fold, n uint32) {
	mask := uint64(len(x.slots) - 1)
	home := func(n uint32) uint64 { at := f.node(n); return hash(at.kind, &at.id) & mask }
	i := home(n)
	for x.slots[i] != n {
		if x.slots[i] == 0 {
			return
		}
		i = (i + 1) & mask
	}
	x.used--
	for j := i; ; {
		j = (j + 1) & mask
		if x.slots[j] == 0 {
			break
		}
		// What lies at j stays if its home is cyclically between the hole and it.
		if h := home(x.slots[j]); (j-h)&mask >= (j-i)&mask {
			x.slots[i] = x.slots[j]
			i = j
		}
	}
	x.slots[i] = 0
}
