package lineage

import "encoding/binary"

// index finds nodes by kind and id: open addressing over the ids that the nodes hold themselves, a few bytes a node.
type index struct {
	slots []uint32
	used  int
}

func hash(kind uint8, id *[16]byte) uint64 {
	h := binary.LittleEndian.Uint64(id[:8])*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(id[8:])
	h = (h ^ uint64(kind)) * 0xd6e8feb86659fd93
	return h ^ h>>32
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

func (x *index) put(f *Fold, n uint32) {
	mask := uint64(len(x.slots) - 1)
	at := f.node(n)
	i := hash(at.kind, &at.id) & mask
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = n
}
