package lineage

import "slices"

// sessionKind is the kind of what an envelope's actor names as its session.
const sessionKind = "session"

// ending is the newest ending or reopening of a node for one kind reached.
type ending struct {
	at    order
	ended uint64 // position of the newest ending
	owner uint32 // subject of the message
	next  uint32
	reach uint8 // 0: every kind
	made  bool  // reaches what was made in
	open  bool
}

// ending finds or adds the entry of a node for one kind reached.
func (f *Fold) ending(n uint32, reach uint8, made bool) *ending {
	for i := f.node(n).fate; i != 0; i = f.endings[i].next {
		if e := &f.endings[i]; e.reach == reach && e.made == made {
			return e
		}
	}
	if i := f.spare; i != 0 {
		f.spare = f.endings[i].next
		f.endings[i] = ending{reach: reach, made: made, next: f.node(n).fate}
		f.edit(n).fate = i
		return &f.endings[i]
	}
	f.endings = append(f.endings, ending{reach: reach, made: made, next: f.node(n).fate})
	f.edit(n).fate = uint32(len(f.endings) - 1)
	return &f.endings[len(f.endings)-1]
}

var everything = []uint8{0}

// end writes down an ending for each kind it reaches. One that leaves the node itself open is over at once: what is
// decided in knowledge of it lives.
func (f *Fold) end(n uint32, e effect, o order, owner uint32) {
	reaches := e.reaches
	if len(reaches) == 0 {
		reaches = everything
	}
	for _, reach := range reaches {
		x := f.ending(n, reach, false)
		x.at, x.ended, x.owner, x.open = o, o.position(), owner, !e.self
		if e.madeIn {
			x = f.ending(n, reach, true)
			x.at, x.ended, x.owner, x.open = o, o.position(), owner, true
		}
	}
}

// reopen lets live what is decided from here on; it revives nothing. An open node is left as it is.
func (f *Fold) reopen(n uint32, e effect, o order, owner uint32) {
	for i := f.node(n).fate; i != 0; i = f.endings[i].next {
		x := &f.endings[i]
		if x.open || x.made || len(e.reaches) > 0 && !slices.Contains(e.reaches, x.reach) {
			continue
		}
		x.at, x.owner, x.open = o, owner, true
	}
}
