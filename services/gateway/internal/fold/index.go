package fold

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// id is 16 bytes that name something: a UUID, or the half of a fingerprint.
type id = [16]byte

// slots is an open-addressing index of numbers from 1 by the ids that their things hold themselves.
type slots struct {
	entries []uint32
	used    int
}

func (s *slots) find(of func(uint32) *id, key *id) uint32 {
	if len(s.entries) == 0 {
		return 0
	}
	mask := uint64(len(s.entries) - 1)
	for i := hash(key) & mask; s.entries[i] != 0; i = (i + 1) & mask {
		if n := s.entries[i]; *of(n) == *key {
			return n
		}
	}
	return 0
}

func (s *slots) add(of func(uint32) *id, n uint32) {
	if s.used++; s.used*4 > len(s.entries)*3 {
		old := s.entries
		s.entries = make([]uint32, max(64, 2*len(old)))
		for _, o := range old {
			if o != 0 {
				s.put(of, o)
			}
		}
	}
	s.put(of, n)
}

// grow makes room for so many at once.
func (s *slots) grow(n int) {
	size := 64
	for n*4 > size*3 {
		size *= 2
	}
	s.entries = make([]uint32, size)
}

func (s *slots) put(of func(uint32) *id, n uint32) {
	mask := uint64(len(s.entries) - 1)
	i := hash(of(n)) & mask
	for s.entries[i] != 0 {
		i = (i + 1) & mask
	}
	s.entries[i] = n
}

// hash folds a 128-bit product, so that every bit of the id moves the low ones.
func hash(key *id) uint64 {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(key[:8])^0xa0761d6478bd642f, binary.LittleEndian.Uint64(key[8:])^0xe7037ed1a0b428db)
	hi, lo = bits.Mul64(hi^0x8ebc6af09c88c6e3, lo^0x589965cc75374cc3)
	return hi ^ lo
}

const pageBits = 8

// paged is a list that grows without moving what it holds; numbers begin at 1.
type paged[T any] struct {
	pages []*[1 << pageBits]T
	count uint32
	// shared says of each page whether a snapshot under way reads it too: it is copied before it changes.
	shared []bool
}

func (p *paged[T]) at(n uint32) *T { return &p.pages[n>>pageBits][n&(1<<pageBits-1)] }

// edit is at for what changes it.
func (p *paged[T]) edit(n uint32) *T {
	if i := n >> pageBits; int(i) < len(p.shared) && p.shared[i] {
		p.pages[i], p.shared[i] = new(*p.pages[i]), false
	}
	return p.at(n)
}

// freeze gives the list as it is now; thaw lets it change in place again.
func (p *paged[T]) freeze() paged[T] {
	p.shared = slices.Repeat([]bool{true}, len(p.pages))
	return paged[T]{pages: slices.Clone(p.pages), count: p.count}
}

func (p *paged[T]) thaw() { p.shared = nil }

func (p *paged[T]) add(x T) uint32 {
	p.count++
	if int(p.count>>pageBits) >= len(p.pages) {
		p.pages = append(p.pages, new([1 << pageBits]T))
	}
	*p.edit(p.count) = x
	return p.count
}

// named numbers things by their ids.
type named[T any] struct {
	numbers map[string]uint32
	names   []string
	all     []T
}

func (x *named[T]) index(id string) uint32 {
	if n, ok := x.numbers[id]; ok {
		return n
	}
	if x.numbers == nil {
		x.numbers = map[string]uint32{}
	}
	id = strings.Clone(id)
	n := uint32(len(x.all))
	x.numbers[id] = n
	x.names = append(x.names, id)
	var zero T
	x.all = append(x.all, zero)
	return n
}

func (x *named[T]) set(id string, change func(*T)) {
	// The argument is found first: change may grow another index, never this one.
	n := x.index(id)
	change(&x.all[n])
}

// interned keeps each list of scopes once.
type interned struct {
	numbers map[string]uint32
	lists   [][]string
}

func (x *interned) of(scopes []string) uint32 {
	sorted := slices.Sorted(slices.Values(scopes))
	key := strings.Join(sorted, " ")
	if n, ok := x.numbers[key]; ok {
		return n
	}
	if x.numbers == nil {
		x.numbers = map[string]uint32{}
		x.lists = append(x.lists, nil)
	}
	n := uint32(len(x.lists))
	x.numbers[key] = n
	x.lists = append(x.lists, slices.Compact(sorted))
	return n
}

func (x *interned) list(n uint32) []string {
	if int(n) >= len(x.lists) {
		return nil
	}
	return x.lists[n]
}
