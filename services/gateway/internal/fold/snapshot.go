package fold

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
)

// ErrSnapshot says that a snapshot is not one of a fold.
var ErrSnapshot = errors.New("this is no snapshot of an authorizer's fold")

// Frozen is a fold as it was at one position. The fold goes on meanwhile; what it changes it copies first.
type Frozen struct {
	fold        *Fold
	tables      tables
	credentials paged[credential]
	generations paged[generation]
}

// tables are everything but credentials and their generations.
type tables struct {
	Applications             []storedApplication
	Grants                   []storedGrant
	Products                 []storedProduct
	Scopes                   [][]string
	Versions                 []contract.Version
	Served                   []string
	Keys                     map[string]ed25519.PublicKey
	Applied                  uint64
	Credentials, Generations uint32
}

type storedApplication struct {
	ID, Organization string
	Owner, Backup    bool
}

type storedGrant struct {
	ID             string
	Scopes, Shadow uint32
}

type storedProduct struct {
	Class  string
	ID     string
	Shown  bool
	Limits []Limit
}

// Freeze gives the fold as it is now, to be written and then let go by Thaw; there is one at a time, and nothing is applied
// while it is made.
func (f *Fold) Freeze() (*Frozen, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	z := &Frozen{fold: f, credentials: f.credentials.freeze(), generations: f.generations.freeze()}
	t := &z.tables
	for i, a := range f.applications.all {
		t.Applications = append(t.Applications, storedApplication{f.applications.names[i], a.organization, a.owner, a.backup})
	}
	for i, g := range f.grants.all {
		t.Grants = append(t.Grants, storedGrant{f.grants.names[i], g.scopes, g.shadow})
	}
	for i, p := range f.products.all {
		t.Products = append(t.Products, storedProduct{p.class, f.products.names[i], p.shown, p.limits})
	}
	t.Scopes = slices.Clone(f.scopes.lists)
	for _, v := range f.versions {
		t.Versions = append(t.Versions, *v)
	}
	t.Served = slices.Collect(maps.Keys(f.served))
	t.Keys = maps.Clone(f.keys)
	t.Applied, t.Credentials, t.Generations = f.applied.Load(), f.credentials.count, f.generations.count
	return z, nil
}

// Thaw lets the fold change its memory in place again.
func (z *Frozen) Thaw() {
	z.fold.mu.Lock()
	z.fold.credentials.thaw()
	z.fold.generations.thaw()
	z.fold.mu.Unlock()
}

const (
	credentialBytes = 16 + 4*4 + 3
	generationBytes = 16 + 2*4
)

// Write writes it in a form that Restore reads.
func (z *Frozen) Write(w io.Writer) error {
	if err := gob.NewEncoder(w).Encode(z.tables); err != nil {
		return err
	}
	return errors.Join(
		writePages(w, &z.credentials, func(b []byte, c *credential) []byte {
			b = append(b, c.id[:]...)
			for _, n := range [...]uint32{c.application, c.grant, c.product, c.scopes} {
				b = binary.LittleEndian.AppendUint32(b, n)
			}
			expired := byte(0)
			if c.expired {
				expired = 1
			}
			return append(b, byte(c.kind), byte(c.environment), expired)
		}),
		writePages(w, &z.generations, func(b []byte, g *generation) []byte {
			b = append(b, g.fingerprint[:]...)
			return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, g.credential), g.number)
		}))
}

func writePages[T any](w io.Writer, p *paged[T], form func([]byte, *T) []byte) error {
	var buffer []byte
	for i, page := range p.pages {
		buffer = buffer[:0]
		for j := range min(len(page), int(p.count)+1-i<<pageBits) {
			buffer = form(buffer, &page[j])
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}

// Read fills a fold that is empty from what Write wrote; one that could not be read is of no use. r is an io.ByteReader.
// Memory is taken for what is there, not for what is announced.
func (f *Fold) Read(r io.Reader) error {
	if _, ok := r.(io.ByteReader); !ok {
		return fmt.Errorf("%w: its reader reads ahead", ErrSnapshot)
	}
	var t tables
	if err := gob.NewDecoder(r).Decode(&t); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range t.Applications {
		f.applications.set(a.ID, func(x *application) { *x = application{a.Organization, a.Owner, a.Backup} })
	}
	for _, p := range t.Products {
		f.products.set(p.ID, func(x *product) { *x = product{class: p.Class, shown: p.Shown, limits: p.Limits} })
	}
	for i, list := range t.Scopes {
		if i > 0 || list != nil { // the first stands for none
			f.scopes.of(list)
		}
	}
	if len(f.scopes.lists) != len(t.Scopes) && len(t.Scopes) > 0 && len(f.scopes.lists) > 0 {
		return fmt.Errorf("%w: its scopes", ErrSnapshot)
	}
	if len(f.scopes.lists) == 0 {
		f.scopes.lists = t.Scopes
	}
	for _, g := range t.Grants {
		f.grants.set(g.ID, func(x *grant) { *x = grant{g.Scopes, g.Shadow} })
	}
	if len(f.applications.all) != len(t.Applications) || len(f.products.all) != len(t.Products) || len(f.grants.all) != len(t.Grants) {
		return fmt.Errorf("%w: something stands there twice", ErrSnapshot)
	}
	for i := range t.Versions {
		f.versions[t.Versions[i].ID] = &t.Versions[i]
	}
	for _, id := range t.Served {
		if f.versions[id] == nil {
			return fmt.Errorf("%w: version %s", ErrSnapshot, id)
		}
		f.served[id] = true
	}
	for id, key := range t.Keys {
		if len(key) != ed25519.PublicKeySize {
			return fmt.Errorf("%w: key %s", ErrSnapshot, id)
		}
		f.keys[id] = key
	}
	if err := f.readCredentials(r, &t); err != nil {
		return err
	}
	f.applied.Store(t.Applied)
	f.compile()
	return nil
}

func (f *Fold) readCredentials(r io.Reader, t *tables) error {
	within := func(n uint32, all int) bool { return uint64(n) < uint64(all) }
	err := readPages(r, &f.credentials, t.Credentials, credentialBytes, func(b []byte, c *credential) bool {
		copy(c.id[:], b)
		for i, n := range [...]*uint32{&c.application, &c.grant, &c.product, &c.scopes} {
			*n = binary.LittleEndian.Uint32(b[16+4*i:])
		}
		c.kind, c.environment, c.expired = kind(b[32]), environment(b[33]), b[34] != 0
		return within(c.application, len(t.Applications)) && within(c.grant, len(t.Grants)) && within(c.product, len(t.Products)) &&
			c.kind <= otherKind && c.environment <= production
	})
	if err != nil {
		return err
	}
	err = readPages(r, &f.generations, t.Generations, generationBytes, func(b []byte, g *generation) bool {
		copy(g.fingerprint[:], b)
		g.credential, g.number = binary.LittleEndian.Uint32(b[16:]), binary.LittleEndian.Uint32(b[20:])
		return g.credential != 0 && g.credential <= t.Credentials
	})
	if err != nil {
		return err
	}
	f.byID.grow(int(f.credentials.count) + 1)
	for n := uint32(1); n <= f.credentials.count; n++ {
		f.byID.add(f.credentialID, n)
	}
	f.byFingerprint.grow(int(f.generations.count) + 1)
	for n := uint32(1); n <= f.generations.count; n++ {
		f.byFingerprint.add(f.fingerprint, n)
	}
	return nil
}

// readPages reads as many as are announced; the first place of a list is never used.
func readPages[T any](r io.Reader, p *paged[T], count uint32, size int, read func([]byte, *T) bool) error {
	if count == 0 {
		return nil
	}
	buffer := make([]byte, size<<pageBits)
	for at, left := uint32(0), uint64(count)+1; left > 0; {
		n := min(left, 1<<pageBits)
		if _, err := io.ReadFull(r, buffer[:int(n)*size]); err != nil {
			return fmt.Errorf("%w: %w", ErrSnapshot, err)
		}
		page := new([1 << pageBits]T)
		for i := range n {
			if ok := read(buffer[int(i)*size:], &page[i]); !ok && at+uint32(i) != 0 {
				return fmt.Errorf("%w: entry %d", ErrSnapshot, at+uint32(i))
			}
		}
		p.pages = append(p.pages, page)
		at, left = at+uint32(n), left-n
	}
	p.count = count
	return nil
}

// Adopt makes this fold the one that was read. Nobody may use the other any more.
func (f *Fold) Adopt(read *Fold) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.credentials, f.generations, f.byID, f.byFingerprint = read.credentials, read.generations, read.byID, read.byFingerprint
	f.applications, f.grants, f.products, f.scopes = read.applications, read.grants, read.products, read.scopes
	f.versions, f.served, f.keys = read.versions, read.served, read.keys
	f.applied.Store(read.applied.Load())
	f.table.Store(read.table.Load())
}
