package fold

import (
	"iter"
	"slices"
	"strings"
)

// slots is an open-addressing index of numbers from 1, by a hash kept beside each.
type slots struct {
	entries []slot
	used    int
}

type slot struct{ n, hash uint32 }

// look gives every number whose hash is that of b.
func (s *slots) look(b []byte) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		if len(s.entries) == 0 {
			return
		}
		h, mask := hash(b), uint32(len(s.entries)-1)
		for i := h & mask; s.entries[i].n != 0; i = (i + 1) & mask {
			if s.entries[i].hash == h && !yield(s.entries[i].n) {
				return
			}
		}
	}
}

func (s *slots) add(n uint32, b []byte) {
	if s.used++; s.used*4 > len(s.entries)*3 {
		old := s.entries
		s.entries = make([]slot, max(64, 2*len(old)))
		for _, e := range old {
			if e.n != 0 {
				s.put(e)
			}
		}
	}
	s.put(slot{n, hash(b)})
}

func (s *slots) put(e slot) {
	mask := uint32(len(s.entries) - 1)
	i := e.hash & mask
	for s.entries[i].n != 0 {
		i = (i + 1) & mask
	}
	s.entries[i] = e
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
