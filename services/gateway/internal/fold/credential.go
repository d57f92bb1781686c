package fold

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/lineage"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Credential is what is known of a credential and one of its generations.
type Credential struct {
	// Index is a small number for the credential, good as long as the fold.
	Index      uint32
	Generation uint32
	Kind       string

	Application, Organization, Product, Environment string
	// Scopes are those it was issued for, Granted those the grant still gives.
	Scopes, Granted []string
	// Access is a number for the two together, which changes with them.
	Access uint64
	// Owned is false if the application has no accountable owner left.
	Owned bool
	// Shown is false if the product is not published, or no longer.
	Shown bool
	// Expired says that the credential ended by its time and nothing else.
	Expired bool

	id [16]byte
}

// ID is the credential's id.
func (c *Credential) ID() string {
	if c.Index == 0 {
		return ""
	}
	return uuid.UUID(c.id).String()
}

// credential holds no pointer, because there are millions.
type credential struct {
	id                                  [16]byte
	application, grant, product, scopes uint32
	kind                                kind
	environment                         environment
	expired                             bool
}

type kind uint8

const (
	apiKey kind = iota + 1
	clientSecret
	otherKind
)

func kindOf(name string) kind {
	switch name {
	case "api_key":
		return apiKey
	case "client_secret":
		return clientSecret
	}
	return otherKind
}

func (k kind) String() string { return [...]string{"", "api_key", "client_secret", "other"}[k] }

type environment uint8

const (
	sandbox environment = iota + 1
	production
)

func environmentOf(name string) environment {
	switch name {
	case "sandbox":
		return sandbox
	case "production":
		return production
	}
	return 0
}

func (e environment) String() string { return [...]string{"", "sandbox", "production"}[e] }

type application struct {
	organization  string
	owner, backup bool
}

func (a *application) seat(seat string, held bool) {
	switch seat {
	case "owner":
		a.owner = held
	case "backup_owner":
		a.backup = held
	}
}

type grant struct{ scopes uint32 }

type product struct{ shown bool }

func (f *Fold) issued(id string, e *issuancev1.CredentialIssued) {
	short, ok := parseID(id)
	if !ok {
		f.logger.Error("a credential's id is no UUID; it is refused", "credential", id)
		return
	}
	if _, known := f.generations.credential(f, short); known {
		return
	}
	c := credential{
		id: short, application: f.applications.index(e.GetApplicationId()), grant: f.grants.index(e.GetGrantId()),
		product: f.products.index(e.GetProductId()), scopes: f.scopes.of(e.GetScopes()), kind: kindOf(e.GetKind()), environment: environmentOf(e.GetEnvironment()),
	}
	f.credentials = append(f.credentials, c)
	n := uint32(len(f.credentials) - 1)
	f.generations.ids.add(n, short[:])
	f.generations.put(n, e.GetGeneration(), e.GetFingerprint())
}

func (f *Fold) rotated(id string, e *issuancev1.CredentialRotationStarted) {
	if short, ok := parseID(id); ok {
		if n, known := f.generations.credential(f, short); known {
			f.generations.put(n, e.GetGeneration(), e.GetFingerprint())
		}
	}
}

func (f *Fold) expired(id string) {
	if short, ok := parseID(id); ok {
		if n, known := f.generations.credential(f, short); known {
			f.credentials[n].expired = true
		}
	}
}

// ByFingerprint finds the credential and generation whose secret has this fingerprint.
func (f *Fold) ByFingerprint(fingerprint [32]byte, into *Credential) (lineage.Node, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	g := f.generations.find([16]byte(fingerprint[:16]))
	if g == nil {
		return 0, false
	}
	f.view(g.credential, into)
	into.Generation = g.number
	node := lineage.Node(atomic.LoadUint32(&g.node))
	if node == 0 {
		// Lineage is fed after this fold, so the node is looked up when it is first asked for.
		found, ok := f.lineage.Find(lineage.Part("generation", into.ID(), g.number))
		if ok {
			atomic.StoreUint32(&g.node, uint32(found))
		}
		node = found
	}
	return node, true
}

// ByID finds a credential that access tokens are issued to.
func (f *Fold) ByID(id string, into *Credential) bool {
	short, ok := parseID(id)
	if !ok {
		return false
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	n, ok := f.generations.credential(f, short)
	if !ok || f.credentials[n].kind != clientSecret {
		return false
	}
	f.view(n, into)
	return true
}

func (f *Fold) view(n uint32, into *Credential) {
	c := &f.credentials[n]
	a := &f.applications.all[c.application]
	granted := f.grants.all[c.grant].scopes
	*into = Credential{
		Index: n, Kind: c.kind.String(), id: c.id, Application: f.applications.names[c.application], Organization: a.organization,
		Product: f.products.names[c.product], Environment: c.environment.String(), Scopes: f.scopes.list(c.scopes),
		Granted: f.scopes.list(granted), Access: uint64(c.scopes)<<32 | uint64(granted), Owned: a.owner || a.backup,
		Shown: f.products.all[c.product].shown, Expired: c.expired,
	}
}

// generation is one secret of a credential.
type generation struct {
	fingerprint [16]byte // the first half; 128 bits of HMAC-SHA-256 are as good as all (RFC 2104 §5)
	credential  uint32
	number      uint32
	node        uint32 // of the lineage; 0 until first asked for
}

const pageBits = 8

// generations finds secrets by fingerprint and credentials by id.
type generations struct {
	pages []*[1 << pageBits]generation
	count uint32
	slots slots
	ids   slots
}

func (g *generations) at(n uint32) *generation { return &g.pages[n>>pageBits][n&(1<<pageBits-1)] }

func (g *generations) put(credential, number uint32, fingerprint []byte) {
	if len(fingerprint) < 16 {
		return
	}
	short := [16]byte(fingerprint[:16])
	if g.find(short) != nil {
		return
	}
	if g.count == 0 {
		g.count = 1 // 0 is none
	}
	n := g.count
	for int(n>>pageBits) >= len(g.pages) {
		g.pages = append(g.pages, new([1 << pageBits]generation))
	}
	g.count++
	*g.at(n) = generation{fingerprint: short, credential: credential, number: number}
	g.slots.add(n, short[:])
}

func (g *generations) find(short [16]byte) *generation {
	for n := range g.slots.look(short[:]) {
		if at := g.at(n); at.fingerprint == short {
			return at
		}
	}
	return nil
}

func (g *generations) credential(f *Fold, id [16]byte) (uint32, bool) {
	for n := range g.ids.look(id[:]) {
		if f.credentials[n].id == id {
			return n, true
		}
	}
	return 0, false
}

func hash(b []byte) uint32 {
	// Fingerprints are uniform already; the random half of a UUID is its second.
	return binary.LittleEndian.Uint32(b) ^ binary.LittleEndian.Uint32(b[len(b)-4:])*0x9e3779b1
}
