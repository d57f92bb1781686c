package fold

import (
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/lineage"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
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
	// Shadow are those that a proposal would take away.
	Shadow []string
	// Limits are those of the product.
	Limits []Limit
	// Owned is false if the application has no accountable owner left.
	Owned bool
	// Class is the product's: public, partner or sensitive; empty if nobody has said.
	Class string
	// Shown is false if the product is not published, or no longer.
	Shown bool
	// Expired says that the credential ended by its time and nothing else.
	Expired bool

	id id
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
	id                                  id
	application, grant, product, scopes uint32
	kind                                kind
	environment                         environment
	expired                             bool
}

type kind uint8

const (
	apiKey kind = iota + 1
	clientSecret
	clientKey
	clientCertificate
	otherKind
)

func kindOf(name string) kind {
	switch name {
	case "api_key":
		return apiKey
	case "client_secret":
		return clientSecret
	case "client_key":
		return clientKey
	case "client_certificate":
		return clientCertificate
	}
	return otherKind
}

func (k kind) String() string {
	return [...]string{"", "api_key", "client_secret", "client_key", "client_certificate", "other"}[k]
}

// client says whether credentials of this kind get access tokens.
func (k kind) client() bool { return k == clientSecret || k == clientKey || k == clientCertificate }

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

// grant is what it gives now, and what a proposal would take away.
type grant struct{ scopes, shadow uint32 }

type product struct {
	class  string
	shown  bool
	limits []Limit
}

// Limit is at most so many calls of a consumer in a window of seconds; windows follow each other from 1970.
type Limit struct {
	Name, Per     string
	Calls, Window uint64
}

func (f *Fold) issued(name string, e *issuancev1.CredentialIssued) {
	short, ok := parseID(name)
	if !ok {
		f.logger.Error("a credential's id is no UUID; it is refused", "credential", name)
		return
	}
	if f.byID.find(f.credentialID, &short) != 0 {
		return
	}
	n := f.credentials.add(credential{
		id: short, application: f.applications.index(e.GetApplicationId()), grant: f.grants.index(e.GetGrantId()),
		product: f.products.index(e.GetProductId()), scopes: f.scopes.of(e.GetScopes()), kind: kindOf(e.GetKind()), environment: environmentOf(e.GetEnvironment()),
	})
	f.byID.add(f.credentialID, n)
	f.secret(n, e.GetGeneration(), presented(e.GetFingerprint(), e.GetKey()))
}

// presented is the hash by which a generation is found when it is presented: of its secret, or of its certificate.
func presented(fingerprint []byte, key *issuancev1.KeyMaterial) []byte {
	if certificate := key.GetCertificateSha256(); len(certificate) > 0 {
		return certificate
	}
	return fingerprint
}

func (f *Fold) rotated(name string, e *issuancev1.CredentialRotationStarted) {
	if n := f.known(name); n != 0 {
		f.secret(n, e.GetGeneration(), presented(e.GetFingerprint(), e.GetKey()))
	}
}

func (f *Fold) narrowed(name string, e *issuancev1.CredentialNarrowed) {
	if n := f.known(name); n != 0 {
		f.credentials.at(n).scopes = f.scopes.of(e.GetScopes())
	}
}

func (f *Fold) expired(name string) {
	if n := f.known(name); n != 0 {
		f.credentials.edit(n).expired = true
	}
}

// known is the number of a credential, or 0.
func (f *Fold) known(name string) uint32 {
	short, ok := parseID(name)
	if !ok {
		return 0
	}
	return f.byID.find(f.credentialID, &short)
}

// secret adds one secret of a credential.
func (f *Fold) secret(credential, number uint32, fingerprint []byte) {
	if len(fingerprint) < len(id{}) {
		return
	}
	short := id(fingerprint[:len(id{})])
	if f.byFingerprint.find(f.fingerprint, &short) == 0 {
		f.byFingerprint.add(f.fingerprint, f.generations.add(generation{fingerprint: short, credential: credential, number: number}))
	}
}

func (f *Fold) credentialID(n uint32) *id { return &f.credentials.at(n).id }
func (f *Fold) fingerprint(n uint32) *id  { return &f.generations.at(n).fingerprint }

// ByFingerprint finds the credential and generation whose secret has this fingerprint.
func (f *Fold) ByFingerprint(fingerprint [32]byte, into *Credential) (lineage.Node, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	short := id(fingerprint[:len(id{})])
	n := f.byFingerprint.find(f.fingerprint, &short)
	if n == 0 {
		return 0, false
	}
	g := f.generations.at(n)
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
func (f *Fold) ByID(name string, into *Credential) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n := f.known(name)
	if n == 0 || !f.credentials.at(n).kind.client() {
		return false
	}
	f.view(n, into)
	return true
}

// Known finds a credential of any kind by its id.
func (f *Fold) Known(name string, into *Credential) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n := f.known(name)
	if n == 0 {
		return false
	}
	f.view(n, into)
	return true
}

func (f *Fold) view(n uint32, into *Credential) {
	c := f.credentials.at(n)
	a := &f.applications.all[c.application]
	given := &f.grants.all[c.grant]
	granted := given.scopes
	*into = Credential{
		Index: n, Kind: c.kind.String(), id: c.id, Application: f.applications.names[c.application], Organization: a.organization,
		Product: f.products.names[c.product], Environment: c.environment.String(), Scopes: f.scopes.list(c.scopes),
		Granted: f.scopes.list(granted), Shadow: f.scopes.list(given.shadow), Access: uint64(c.scopes)<<32 | uint64(granted), Owned: a.owner || a.backup,
		Shown: f.products.all[c.product].shown, Class: f.products.all[c.product].class, Limits: f.products.all[c.product].limits, Expired: c.expired,
	}
}

// generation is one secret of a credential.
type generation struct {
	fingerprint id // the first half; 128 bits of HMAC-SHA-256 are as good as all (RFC 2104 §5)
	credential  uint32
	number      uint32
	node        uint32 // of the lineage; 0 until first asked for
}

// limitsOf leaves out what no command would have let in.
func limitsOf(all []*registryv1.Limit) (out []Limit) {
	for _, l := range all {
		if l.GetWindowSeconds() > 0 && len(out) < 4 {
			out = append(out, Limit{l.GetName(), l.GetPer(), l.GetCalls(), l.GetWindowSeconds()})
		}
	}
	return out
}

// Limited is whose an application is and the limits of a product; false if the application is not known.
func (f *Fold) Limited(applicationID, productID string) (organization string, limits []Limit, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n, ok := f.applications.numbers[applicationID]
	if !ok {
		return "", nil, false
	}
	if p, known := f.products.numbers[productID]; known {
		limits = f.products.all[p].limits
	}
	return f.applications.all[n].organization, limits, true
}
