package contract

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"time"
)

// digest names what a table is made of: two authorizers with the same one look operations up in the same contracts.
func digest(versions []Version) (sum [sha256.Size]byte) {
	ordered := slices.Clone(versions)
	slices.SortFunc(ordered, func(a, b Version) int { return cmp.Compare(a.ID, b.ID) })
	d := digester{sha256.New()}
	for _, v := range ordered {
		d.text(v.ID, v.ProductID, v.Number, v.BasePath)
		d.number(v.Published, unix(v.Deprecated), unix(v.Sunset), uint64(len(v.Operations)))
		for _, o := range v.Operations {
			d.text(o.ID, o.Method, o.Template)
			d.number(uint64(len(o.Scopes)))
			d.text(o.Scopes...)
			if r, ok := v.Rollouts[o.ID]; ok {
				d.number(uint64(r.Percent), uint64(len(r.Organizations)))
				d.text(r.Organizations...)
			}
		}
	}
	copy(sum[:], d.Sum(nil))
	return sum
}

type digester struct{ hash.Hash }

func (d digester) text(all ...string) {
	for _, s := range all {
		d.number(uint64(len(s)))
		_, _ = d.Write([]byte(s))
	}
}

func (d digester) number(all ...uint64) {
	var b [8]byte
	for _, n := range all {
		binary.BigEndian.PutUint64(b[:], n)
		_, _ = d.Write(b[:])
	}
}

func unix(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}
