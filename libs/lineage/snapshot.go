package lineage

import (
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// ErrSnapshot says that a snapshot is not one of a fold.
var ErrSnapshot = errors.New("lineage: this is no snapshot of a fold")

const nodeBytes = 16 + 3*8 + 5*4 + 2

// Frozen is a fold as it was at one position. The fold goes on meanwhile; what it changes it copies first.
type Frozen struct {
	fold  *Fold
	pages []*[1 << pageBits]node
	rest  rest
}

// rest is everything but the nodes.
type rest struct {
	Position uint64
	Names    []string
	Wholes   map[uint8][]uint8
	Hashed   map[uint32]string
	Count    uint32
	Lists    []uint32
	Endings  []storedEnding
}

type storedEnding struct {
	At, Ended   uint64
	Owner, Next uint32
	Reach       uint8
	Made, Open  bool
}

// Freeze gives the fold as it is now, to be written and then let go by Thaw; there is one at a time.
func (f *Fold) Freeze() *Frozen {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shared = slices.Repeat([]bool{true}, len(f.pages))
	z := &Frozen{fold: f, pages: slices.Clone(f.pages), rest: rest{
		Position: f.position.Load(), Names: slices.Clone(f.names), Wholes: map[uint8][]uint8{}, Hashed: maps.Clone(f.hashed), Count: f.count,
		Lists: f.lists[:len(f.lists):len(f.lists)], Endings: make([]storedEnding, len(f.endings)),
	}}
	for part, wholes := range f.wholes {
		z.rest.Wholes[part] = slices.Clone(wholes)
	}
	for i, e := range f.endings {
		z.rest.Endings[i] = storedEnding{uint64(e.at), e.ended, e.owner, e.next, e.reach, e.made, e.open}
	}
	return z
}

// Position is that of the fold when it was frozen.
func (z *Frozen) Position() uint64 { return z.rest.Position }

// Thaw lets the fold change its memory in place again.
func (z *Frozen) Thaw() {
	z.fold.mu.Lock()
	z.fold.shared = nil
	z.fold.mu.Unlock()
}

// Write writes it in a form that Read reads.
func (z *Frozen) Write(w io.Writer) error {
	if err := gob.NewEncoder(w).Encode(z.rest); err != nil {
		return err
	}
	buffer := make([]byte, 0, nodeBytes<<pageBits)
	for p, page := range z.pages {
		buffer = buffer[:0]
		for i := range min(len(page), int(z.rest.Count)-p<<pageBits) {
			buffer = page[i].append(buffer)
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}

func (x *node) append(b []byte) []byte {
	b = append(b, x.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, x.seen)
	b = binary.LittleEndian.AppendUint64(b, uint64(x.born))
	b = binary.LittleEndian.AppendUint64(b, uint64(x.due))
	for _, n := range [...]uint32{x.parent, x.owner, x.madeIn, x.fate, x.sub} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return append(b, x.kind, x.flags)
}

func (x *node) read(b []byte) {
	copy(x.id[:], b)
	x.seen, x.born, x.due = binary.LittleEndian.Uint64(b[16:]), order(binary.LittleEndian.Uint64(b[24:])), int64(binary.LittleEndian.Uint64(b[32:]))
	for i, n := range [...]*uint32{&x.parent, &x.owner, &x.madeIn, &x.fate, &x.sub} {
		*n = binary.LittleEndian.Uint32(b[40+4*i:])
	}
	x.kind, x.flags = b[60], b[61]
}

// Read makes a fold of what Write wrote. r is an io.ByteReader, else more of it may be taken than belongs here. What is no
// snapshot is refused; memory is taken for what is there, not for what is announced.
func Read(r io.Reader) (*Fold, error) {
	if _, ok := r.(io.ByteReader); !ok {
		return nil, fmt.Errorf("%w: its reader reads ahead", ErrSnapshot)
	}
	var z rest
	if err := gob.NewDecoder(r).Decode(&z); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if z.Count == 0 || len(z.Names) == 0 || len(z.Names) > 256 || len(z.Endings) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrSnapshot)
	}
	f := NewFold()
	f.pages, f.count, f.names, f.wholes, f.lists = nil, 0, z.Names, z.Wholes, z.Lists
	if f.wholes == nil {
		f.wholes = map[uint8][]uint8{}
	}
	if z.Hashed != nil {
		f.hashed = z.Hashed
	}
	for i, name := range z.Names[1:] {
		f.kinds[name] = uint8(i + 1)
	}
	f.endings = make([]ending, len(z.Endings))
	for i, e := range z.Endings {
		f.endings[i] = ending{at: order(e.At), ended: e.Ended, owner: e.Owner, next: e.Next, reach: e.Reach, made: e.Made, open: e.Open}
		if int(e.Next) >= len(z.Endings) || int(e.Reach) >= len(z.Names) {
			return nil, fmt.Errorf("%w: ending %d", ErrSnapshot, i)
		}
	}
	buffer := make([]byte, nodeBytes<<pageBits)
	for f.count < z.Count {
		n := min(z.Count-f.count, 1<<pageBits)
		if _, err := io.ReadFull(r, buffer[:n*nodeBytes]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
		}
		page := new([1 << pageBits]node)
		for i := range n {
			page[i].read(buffer[i*nodeBytes:])
			if !f.sound(f.count+i, &page[i], &z) {
				return nil, fmt.Errorf("%w: node %d", ErrSnapshot, f.count+i)
			}
		}
		f.pages = append(f.pages, page)
		f.count += n
	}
	for part, wholes := range f.wholes {
		if int(part) >= len(z.Names) || slices.ContainsFunc(wholes, func(w uint8) bool { return int(w) >= len(z.Names) }) {
			return nil, fmt.Errorf("%w: kind %d", ErrSnapshot, part)
		}
	}
	if !f.chains() {
		return nil, fmt.Errorf("%w: an ending is of two nodes, or leads back to itself", ErrSnapshot)
	}
	f.index.grow(int(f.count))
	for n := uint32(1); n < f.count; n++ {
		switch x := f.node(n); {
		case x.kind == 0:
			f.free = append(f.free, n)
		case x.flags&fPart == 0:
			f.index.add(f, n)
			f.fades(n)
		}
	}
	f.position.Store(z.Position)
	return f, nil
}

// chains says whether every ending is of one node at most, and finds those of none.
func (f *Fold) chains() bool {
	taken := make([]bool, len(f.endings))
	for n := range f.count {
		for i := f.node(n).fate; i != 0; i = f.endings[i].next {
			if taken[i] {
				return false
			}
			taken[i] = true
		}
	}
	for i := range taken {
		if i > 0 && !taken[i] {
			f.endings[i] = ending{next: f.spare}
			f.spare = uint32(i)
		}
	}
	return true
}

// sound says whether everything a node points to is there, and no part leads back to itself.
func (f *Fold) sound(n uint32, x *node, z *rest) bool {
	if int(x.kind) >= len(z.Names) || int(x.fate) >= len(f.endings) || x.owner >= z.Count || x.madeIn >= z.Count || x.sub >= z.Count {
		return false
	}
	if x.flags&fPart != 0 && (x.sub >= n || x.owner >= n) {
		return false
	}
	if x.flags&fHashed != 0 && z.Hashed[n] == "" {
		return false
	}
	if x.flags&fMany == 0 {
		return x.parent < z.Count
	}
	if uint64(x.parent) >= uint64(len(z.Lists)) {
		return false
	}
	size := uint64(z.Lists[x.parent])
	if uint64(x.parent)+1+size > uint64(len(z.Lists)) {
		return false
	}
	return !slices.ContainsFunc(z.Lists[x.parent+1:uint64(x.parent)+1+size], func(p uint32) bool { return p >= z.Count })
}

// Adopt makes this fold, which must be empty, the one that was read. Nobody may use the other any more.
func (f *Fold) Adopt(read *Fold) error {
	f.mu.Lock()
	if f.position.Load() != 0 {
		f.mu.Unlock()
		return errors.New("lineage: a fold that has begun takes over no other")
	}
	f.ancestral, f.fading, f.free = read.ancestral, read.fading, read.free
	f.spare = read.spare
	f.rules, f.kinds, f.names, f.wholes = read.rules, read.kinds, read.names, read.wholes
	f.index, f.hashed, f.pages, f.count, f.lists, f.endings = read.index, read.hashed, read.pages, read.count, read.lists, read.endings
	position := read.position.Load()
	f.position.Store(position)
	f.mu.Unlock()
	f.waiting.reached(position)
	return nil
}
