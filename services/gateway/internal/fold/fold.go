// Package fold keeps in memory what an authorizer decides on besides lineage: credentials by fingerprint, what grants
// still allow, whose applications are, which products and versions are served, and the keys tokens are signed with.
package fold

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
)

// Fold is fed every message of EVENTS in order. One goroutine applies; any number may ask at the same time.
type Fold struct {
	lineage *lineage.Fold
	logger  *slog.Logger

	mu            sync.RWMutex
	credentials   paged[credential]
	generations   paged[generation]
	byID          slots
	byFingerprint slots
	applications  named[application]
	grants        named[grant]
	products      named[product]
	scopes        interned
	versions      map[string]*contract.Version
	served        map[string]bool
	keys          map[string]ed25519.PublicKey

	table   atomic.Pointer[contract.Table]
	applied atomic.Uint64
}

// New is a fold before the first message, beside the lineage of the same log.
func New(l *lineage.Fold, logger *slog.Logger) *Fold {
	f := &Fold{
		lineage: l, logger: logger, versions: map[string]*contract.Version{}, served: map[string]bool{},
		keys: map[string]ed25519.PublicKey{},
	}
	f.table.Store(contract.Compile(nil))
	return f
}

// Lineage is the fold that says what is live.
func (f *Fold) Lineage() *lineage.Fold { return f.lineage }

// Applied is the position up to which facts may have been folded: ahead of the lineage while a batch is under way.
func (f *Fold) Applied() uint64 { return f.applied.Load() }

// Table finds the operations that are served.
func (f *Fold) Table() *contract.Table { return f.table.Load() }

// Key is the public key that access tokens name, if there is one.
func (f *Fold) Key(id string) (ed25519.PublicKey, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	k, ok := f.keys[id]
	return k, ok
}

// KeyNamed is the id of the signing key that fits.
func (f *Fold) KeyNamed(fits func(id string) bool) string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for id := range f.keys {
		if fits(id) {
			return id
		}
	}
	return ""
}

// Apply folds a batch.
func (f *Fold) Apply(_ context.Context, batch []eventlog.Recorded) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(batch); n > 0 {
		// Before anything of it is seen: who finds this unchanged afterwards has seen nothing of the batch.
		f.applied.Store(batch[n-1].Sequence)
	}
	compile := false
	for _, r := range batch {
		if r.Forged {
			f.logger.Error("a service told of what is not its own", "subject", r.Subject, "position", r.Sequence)
		}
		for _, fact := range r.Facts {
			if fact != nil {
				compile = f.fact(r, fact) || compile
			}
		}
	}
	if compile {
		f.compile()
	}
	return nil
}

// fact folds one fact and says whether the table of operations changes by it.
func (f *Fold) fact(r eventlog.Recorded, fact proto.Message) (compile bool) {
	id := r.Envelope.GetSubject().GetId()
	switch e := fact.(type) {
	case *issuancev1.CredentialIssued:
		f.issued(id, e)
	case *issuancev1.CredentialRotationStarted:
		f.rotated(id, e)
	case *issuancev1.CredentialNarrowed:
		f.narrowed(id, e)
	case *issuancev1.CredentialExpired:
		f.expired(id)
	case *issuancev1.SigningKeyCreated:
		f.key(e)
	case *approvalv1.GrantActivated:
		f.grants.set(id, func(g *grant) { g.scopes = f.scopes.of(e.GetScopes()) })
	case *approvalv1.GrantNarrowed:
		f.grants.set(id, func(g *grant) { *g = grant{scopes: f.scopes.of(e.GetScopes())} })
	case *approvalv1.GrantRestored:
		f.grants.set(id, func(g *grant) { *g = grant{scopes: f.scopes.of(e.GetScopes())} })
	case *approvalv1.GrantShrinkProposed:
		f.grants.set(id, func(g *grant) { g.shadow = f.scopes.of(e.GetUnusedScopes()) })
	case *approvalv1.GrantShrinkDismissed:
		f.grants.set(id, func(g *grant) { g.shadow = 0 })
	case *registryv1.ApplicationRegistered:
		f.applications.set(id, func(a *application) { a.organization, a.owner, a.backup = e.GetOrganizationId(), true, true })
	case *registryv1.ApplicationOwnerAssigned:
		f.applications.set(id, func(a *application) { a.seat(e.GetSeat(), true) })
	case *registryv1.ApplicationOrphaned:
		f.applications.set(id, func(a *application) { a.seat(e.GetSeat(), false) })
	case *registryv1.ProductLimitsSet:
		limits := limitsOf(e.GetLimits())
		f.products.set(id, func(p *product) { p.limits = limits })
	case *registryv1.ProductClassified:
		f.products.set(id, func(p *product) { p.class = e.GetClass() })
	case *registryv1.ProductPublished:
		f.products.set(id, func(p *product) { p.shown = true })
	case *registryv1.ProductWithdrawn, *registryv1.ProductRetired:
		f.products.set(id, func(p *product) { p.shown = false })
	default:
		return f.version(r, id, fact)
	}
	return false
}

func (f *Fold) version(r eventlog.Recorded, id string, fact proto.Message) bool {
	switch e := fact.(type) {
	case *registryv1.VersionSubmitted:
		v := &contract.Version{ID: id, ProductID: e.GetProductId(), Number: e.GetVersion(), BasePath: e.GetBasePath()}
		for _, o := range e.GetOperations() {
			v.Operations = append(v.Operations, contract.Operation{ID: o.GetId(), Method: o.GetMethod(), Template: o.GetPath(), Scopes: f.scopes.list(f.scopes.of(o.GetScopes()))})
		}
		f.versions[id] = v
		return false
	case *registryv1.VersionPublished:
		if v := f.versions[id]; v != nil {
			v.Published = r.Sequence
			f.served[id] = true
		}
	case *registryv1.VersionDeprecated:
		if v := f.versions[id]; v != nil {
			v.Deprecated, v.Sunset = r.Time, e.GetSunsetAt().AsTime()
		}
	case *registryv1.VersionRolloutSet:
		if v := f.versions[id]; v != nil {
			// What was compiled goes on reading the old map.
			rollouts := maps.Clone(v.Rollouts)
			if rollouts == nil {
				rollouts = map[string]contract.Rollout{}
			}
			rollouts[e.GetOperationId()] = contract.Rollout{Percent: e.GetPercent(), Organizations: e.GetOrganizationIds()}
			v.Rollouts = rollouts
		}
	case *registryv1.VersionRetired:
		delete(f.served, id)
		delete(f.versions, id)
	default:
		return false
	}
	return true
}

func (f *Fold) compile() {
	var versions []contract.Version
	for id := range f.served {
		versions = append(versions, *f.versions[id])
	}
	f.table.Store(contract.Compile(versions))
}

func (f *Fold) key(e *issuancev1.SigningKeyCreated) {
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(e.GetJwk(), &jwk); err != nil {
		f.logger.Error("a signing key cannot be read; its tokens are refused", "key", e.GetKeyId(), "error", err)
		return
	}
	public, ok := jwk.Key.(ed25519.PublicKey)
	if !ok {
		f.logger.Error("a signing key is no Ed25519 key; its tokens are refused", "key", e.GetKeyId())
		return
	}
	f.keys[e.GetKeyId()] = public
}

// parseID takes the canonical form alone, so that one credential has one name.
func parseID(name string) (id, bool) {
	u, err := uuid.Parse(name)
	return id(u), err == nil && u.String() == name
}
