// Package contract finds the operation of a published contract that a request is for, and so the scopes it needs.
package contract

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// Operation is one operation of a published version.
type Operation struct {
	// ID, Method and Template are the contract's; Template includes the base path.
	ID, Method, Template string
	// Base is the base path.
	Base string
	// Scopes are all needed.
	Scopes []string

	ProductID, VersionID, Version string
	// Deprecated and Sunset are when the version was deprecated and when it ends; zero if it is not.
	Deprecated, Sunset time.Time
	// Rollout is nil for an operation that is open to all.
	Rollout *Rollout

	name Name
}

// Version is one version that the gateway serves.
type Version struct {
	ID, ProductID, Number string
	BasePath              string
	// Published is the position of its publication: of two products that claim one base path the first has it, of two
	// versions of one product the last answers first.
	Published          uint64
	Deprecated, Sunset time.Time
	Operations         []Operation
	// Rollouts are those of operations, by id, that are open to a part of the organisations.
	Rollouts map[string]Rollout
}

// Table finds operations. It is never changed; a new one takes its place.
type Table struct {
	bases  map[string][]claim // base path without a trailing slash
	deep   int                // most segments of a base path
	digest [sha256.Size]byte
	named  map[Name]*Operation
}

// Name is short for one operation of one version; of those that share it, nobody's contract can choose which.
type Name [6]byte

// NameOf is the name of an operation.
func NameOf(o *Operation) (n Name) { return o.name }

func nameOf(o *Operation) (n Name) {
	h := sha256.New()
	for _, part := range []string{o.VersionID, o.ID, o.Method, o.Template} {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	copy(n[:], h.Sum(nil))
	return n
}

// Digest is of all that the table was made of, in an order of its own.
func (t *Table) Digest() [sha256.Size]byte { return t.digest }

// Named is the operation of this name, or nil.
func (t *Table) Named(n Name) *Operation { return t.named[n] }

// claim is what one product serves under a base path.
type claim struct {
	product  string
	since    uint64
	versions []*branch // last published first
}

// Compile makes the table of the versions served now.
func Compile(versions []Version) *Table {
	t := &Table{bases: map[string][]claim{}, named: map[Name]*Operation{}, digest: digest(versions)}
	ordered := slices.Clone(versions)
	slices.SortFunc(ordered, func(a, b Version) int { return cmp.Compare(a.Published, b.Published) })
	for _, v := range ordered {
		base := strings.TrimRight(v.BasePath, "/")
		root := &branch{}
		for i := range v.Operations {
			o := v.Operations[i]
			o.Template, o.Base = base+o.Template, base
			if r, ok := v.Rollouts[o.ID]; ok {
				o.Rollout = &r
			}
			o.ProductID, o.VersionID, o.Version, o.Deprecated, o.Sunset = v.ProductID, v.ID, v.Number, v.Deprecated, v.Sunset
			o.name = nameOf(&o)
			t.named[o.name] = &o
			root.add(split(v.Operations[i].Template), &o)
		}
		claims := t.bases[base]
		i := slices.IndexFunc(claims, func(c claim) bool { return c.product == v.ProductID })
		if i < 0 {
			claims, i = append(claims, claim{product: v.ProductID, since: v.Published}), len(claims)
		}
		claims[i].versions = slices.Insert(claims[i].versions, 0, root)
		t.bases[base] = claims
		t.deep = max(t.deep, len(split(base)))
	}
	return t
}

// Find gives the operation that a method and path are for, or nil. Of all products whose base path leads to the path, the
// one that claimed it first answers alone, so that nobody's contract can take over another's paths; an empty base path
// claims only what no other leads to.
func (t *Table) Find(method string, p *Path) *Operation {
	owner := ""
	since := ^uint64(0)
	for n := min(t.deep, p.n); n > 0; n-- {
		claims := t.bases[p.joined(n)]
		for i := range claims {
			if claims[i].since < since {
				owner, since = claims[i].product, claims[i].since
			}
		}
	}
	if owner == "" {
		for _, c := range t.bases[""] {
			for _, v := range c.versions {
				if o := v.find(method, p.segments[:p.n]); o != nil {
					return o
				}
			}
		}
		return nil
	}
	// The owner's longest base path that leads here.
	for n := min(t.deep, p.n); n > 0; n-- {
		for _, c := range t.bases[p.joined(n)] {
			if c.product != owner {
				continue
			}
			for _, v := range c.versions {
				if o := v.find(method, p.segments[n:p.n]); o != nil {
					return o
				}
			}
		}
	}
	return nil
}

// joined is the first n segments as a base path.
func (p *Path) joined(n int) string {
	if !p.encoded {
		return p.target[:p.ends[n-1]]
	}
	var b strings.Builder
	for _, s := range p.segments[:n] {
		b.WriteByte('/')
		b.WriteString(s)
	}
	return b.String()
}

func split(path string) []string {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}
