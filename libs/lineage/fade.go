package lineage

import "container/heap"

// linger is how long after its time what nothing created is kept: clocks differ.
const linger = int64(3600 * 1000)

// fading is what a fact ended before its time and no fact created, by that time: tokens. Who shows one is asked for its own
// time first, so that after it nothing depends on what is known of it.
type fading []fade

type fade struct {
	due  int64
	node uint32
}

func (x fading) Len() int           { return len(x) }
func (x fading) Less(i, j int) bool { return x[i].due < x[j].due }
func (x fading) Swap(i, j int)      { x[i], x[j] = x[j], x[i] }
func (x *fading) Push(v any)        { *x = append(*x, v.(fade)) }
func (x *fading) Pop() any {
	last := len(*x) - 1
	v := (*x)[last]
	*x = (*x)[:last]
	return v
}

// fades notes a node that may be forgotten after its time.
func (f *Fold) fades(n uint32) {
	if x := f.node(n); x.flags&(fBorn|fPart) == 0 && x.due != never {
		heap.Push(&f.fading, fade{x.due, n})
	}
}

// fade forgets what is over at a time of the log, which is the same wherever the log is folded.
func (f *Fold) fade(stored int64) {
	for len(f.fading) > 0 && f.fading[0].due+linger < stored {
		n := heap.Pop(&f.fading).(fade).node
		x := f.node(n)
		if x.flags&^fHashed != 0 || x.kind == 0 || x.due == never || x.due+linger >= stored || f.ancestral[x.kind] || x.parent != 0 || x.sub != 0 {
			continue
		}
		f.index.remove(f, n)
		delete(f.hashed, n)
		for i := x.fate; i != 0; {
			next := f.endings[i].next
			f.endings[i] = ending{next: f.spare}
			f.spare, i = i, next
		}
		*f.edit(n) = node{due: never}
		f.free = append(f.free, n)
	}
}
