// Package verdict decides whether a call may pass, from memory alone.
package verdict

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/dpop"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/gateway/internal/certificate"
	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/quota"
)

// Request is one call that wants to pass.
type Request struct {
	Method string
	// Target is the request target as the client sent it, path and query.
	Target string
	// Environment is that of the upstream: sandbox or production.
	Environment string
	// Scheme and Host are those by which the client reached the gateway, for proofs of possession.
	Scheme, Host string
	// Authorization, APIKey and Proof are every value of the headers Authorization, X-API-Key and DPoP.
	Authorization, APIKey, Proof []string
	// Certificate is that of the client's connection to the gateway.
	Certificate certificate.Presented
	// Overridden says that a header asks the upstream to take the call for one of another method.
	Overridden bool
	// Network is where the call came from, as coarse as it is recorded.
	Network string
}

// Reason is why a call may not pass, as it is recorded; empty for one that may.
type Reason string

// The reasons.
const (
	Malformed           Reason = "malformed"
	Missing             Reason = "missing"
	Unknown             Reason = "unknown"
	Expired             Reason = "expired"
	Revoked             Reason = "revoked"
	Retired             Reason = "retired"
	Suspended           Reason = "suspended"
	GrantEnded          Reason = "grant_ended"
	ApplicationEnded    Reason = "application_ended"
	OrganizationEnded   Reason = "organization_ended"
	KeyCompromised      Reason = "key_compromised"
	Ownerless           Reason = "ownerless"
	Unreadable          Reason = "unreadable"
	Stale               Reason = "stale"
	NoOperation         Reason = "no_operation"
	ProductMismatch     Reason = "product_mismatch"
	ProductWithdrawn    Reason = "product_withdrawn"
	EnvironmentMismatch Reason = "environment_mismatch"
	ScopeMissing        Reason = "scope_missing"
	// Of a token that is bound to a key: presented without a proof, with one that is not good, with one that was used
	// before, with one that needs this authorizer's nonce.
	ProofMissing  Reason = "proof_missing"
	ProofRefused  Reason = "proof_refused"
	ProofReplayed Reason = "proof_replayed"
	NonceNeeded   Reason = "nonce_needed"
	// AudienceMismatch is of a token for another product or address.
	AudienceMismatch Reason = "audience_mismatch"
	// NotRolledOut is of an operation that is not yet open to the caller's organisation.
	NotRolledOut Reason = "not_rolled_out"
	// QuotaExceeded is of a consumer that has used up a limit of the product.
	QuotaExceeded Reason = "quota_exceeded"
)

// Verdict is the answer to a request and what it rests on.
type Verdict struct {
	Reason Reason
	// Scope is what was missing.
	Scope string
	// Credential is who called, as far as it was found.
	Credential fold.Credential
	// Token is the id of the access token presented, empty for an API key.
	Token string
	// Operation is what the call is for, nil if it was not found or not looked for.
	Operation *contract.Operation
	// Scopes are those the caller has for the product now.
	Scopes []string
	// Position is that of the fold: the verdict rests on it. Through is the same, unless facts kept arriving while it was
	// reached: then it rests on any position up to Through.
	Position, Through uint64
	At                time.Time
	// Environment is that of the upstream, Held how long ago the fold was last known to hold the newest facts.
	Environment string
	Held        time.Duration
	// Degraded says that the call may pass although newer facts may be missing.
	Degraded bool
	// Bundle is what operations were looked up in.
	Bundle *contract.Table
	// Claims are those of the token presented, nil for an API key.
	Claims *accesstoken.Claims
	// Left is how the limits of the product stand for the caller after this call, Over the one that was used up.
	Left []quota.Left
	Over *fold.Limit
}

// Allowed says that the call may pass.
func (v *Verdict) Allowed() bool { return v.Reason == "" }

// Status is the HTTP status outside: 204, 401 alike for whatever is wrong with the credential, 403 for what a good
// credential may not do, 503 when this authorizer cannot know.
func (v *Verdict) Status() int {
	switch v.Reason {
	case "":
		return http.StatusNoContent
	case Stale:
		return http.StatusServiceUnavailable
	case QuotaExceeded:
		return http.StatusTooManyRequests
	case NoOperation, ProductMismatch, ProductWithdrawn, EnvironmentMismatch, ScopeMissing, NotRolledOut:
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}

// Authorizer decides. All of it is in memory; only a token that saw more than this fold has makes it wait, bounded.
type Authorizer struct {
	Fold         *fold.Fold
	Fingerprints *secret.Fingerprints
	// Issuer is that of access tokens; empty means that none are accepted.
	Issuer string
	Now    func() time.Time
	// Patience bounds the wait for what a token has seen; 0 means 250 ms.
	Patience time.Duration
	// Fresh says whether the fold is known to hold the newest facts; nil stands for always.
	Fresh func() bool
	// Held is how long ago that was last known; nil stands for now.
	Held func() time.Duration
	// Grace says whether calls for a product of this class may pass all the same while Fresh says no; nil lets none.
	Grace func(class string) bool
	// Proofs checks proofs of possession (RFC 9449); nil means that no token bound to a key passes.
	Proofs *dpop.Verifier
	// Quota keeps consumers within the limits of products; nil keeps to none.
	Quota *quota.Keeper

	tokens tokens
}

// Authorize judges one call. Nobody learns of an operation before the credential is found good, and nobody of another
// product's operations at all.
func (a *Authorizer) Authorize(ctx context.Context, r Request) (v Verdict) {
	a.Judge(ctx, &r, &v)
	return v
}

// tries bounds how often a call is judged again because facts arrived meanwhile.
const tries = 3

// Judge is Authorize into memory of the caller's. A verdict rests on one position, so that it can be reached again from it.
func (a *Authorizer) Judge(ctx context.Context, r *Request, v *Verdict) {
	p := credentialOf(r)
	for range tries {
		if a.judge(ctx, r, &p, v); v.Position == v.Through {
			break
		}
	}
	// What is refused otherwise is not counted, and a call only once however often it was judged.
	if c := &v.Credential; v.Reason == "" && a.Quota != nil && len(c.Limits) > 0 {
		if v.Over, v.Left = a.Quota.Take(c.Product, c.Application, c.Organization, c.Limits, make([]quota.Left, 0, len(c.Limits))); v.Over != nil {
			v.Reason = QuotaExceeded
		}
	}
}

func (a *Authorizer) judge(ctx context.Context, r *Request, p *presented, v *Verdict) {
	*v = Verdict{Position: a.Fold.Lineage().Position(), At: a.Now(), Environment: r.Environment, Bundle: a.Fold.Table()}
	if a.Held != nil {
		v.Held = a.Held()
	}
	defer func() { v.Through = max(v.Position, a.Fold.Applied()) }()
	stale := a.Fresh != nil && !a.Fresh()
	switch {
	case p.reason != "":
		v.Reason = p.reason
		return
	case p.by == byCertificate:
		a.certificate(v, r)
	case p.by == byImported:
		a.known(v, a.Fingerprints.Of(p.text), "api_key")
	case p.by == byBearer && strings.HasPrefix(p.text, keyPrefix):
		a.key(v, p.text)
	default:
		a.token(ctx, v, r, p)
	}
	if v.Reason == "" {
		a.call(v, r)
	}
	if stale {
		a.degrade(v)
	}
}

// degrade is the verdict of one who may lack newer facts. What is known to have ended stays ended; what passes by what is
// known passes if its class may, and of anything else nothing is certain.
func (a *Authorizer) degrade(v *Verdict) {
	switch v.Reason {
	case "":
		if v.Degraded = a.Grace != nil && a.Grace(v.Credential.Class); v.Degraded {
			return
		}
	case Malformed, Missing, Expired, Revoked, Retired, GrantEnded, ApplicationEnded, OrganizationEnded, KeyCompromised:
		return
	}
	v.Reason = Stale
}

func (a *Authorizer) key(v *Verdict, presented string) {
	// The checksum is for scanners and people; here an unknown fingerprint says the same.
	if !secret.Shaped(presented) {
		v.Reason = Unknown
		return
	}
	a.known(v, a.Fingerprints.Of(presented), "api_key")
}

// certificate judges a call whose only credential is the certificate of its connection (RFC 8705).
func (a *Authorizer) certificate(v *Verdict, r *Request) {
	sum, err := r.Certificate.Sum()
	if err != nil {
		v.Reason = Malformed
		return
	}
	a.known(v, sum, "client_certificate")
}

// known judges the credential of a kind that has this fingerprint.
func (a *Authorizer) known(v *Verdict, fingerprint [32]byte, kind string) {
	node, ok := a.Fold.ByFingerprint(fingerprint, &v.Credential)
	if !ok || v.Credential.Kind != kind {
		v.Credential, v.Reason = fold.Credential{}, Unknown
		return
	}
	v.Scopes = v.Credential.Scopes
	if err := a.Fold.Lineage().LiveNode(node, v.At); err != nil {
		v.Reason = why(err, &v.Credential)
		return
	}
	a.owned(v)
}

func (a *Authorizer) owned(v *Verdict) {
	if !v.Credential.Owned {
		v.Reason = Ownerless
	}
}

// call judges what a good credential wants to do.
func (a *Authorizer) call(v *Verdict, r *Request) {
	var path contract.Path
	if r.Overridden || path.Parse(r.Target) != nil {
		v.Reason = NoOperation
		return
	}
	if v.Credential.Environment == "" || v.Credential.Environment != r.Environment {
		v.Reason = EnvironmentMismatch
		return
	}
	v.Operation = v.Bundle.Find(r.Method, &path)
	switch {
	case v.Operation == nil:
		v.Reason = NoOperation
		return
	case v.Operation.ProductID != v.Credential.Product:
		v.Reason = ProductMismatch
		return
	case !v.Credential.Shown:
		v.Reason = ProductWithdrawn
		return
	case !v.Operation.Open(v.Credential.Organization):
		v.Reason = NotRolledOut
		return
	case v.Claims != nil && !audience(v, r):
		v.Reason = AudienceMismatch
		return
	}
	a.scoped(v)
}

// scoped demands every scope of the operation.
func (a *Authorizer) scoped(v *Verdict) {
	for _, scope := range v.Operation.Scopes {
		if !slices.Contains(v.Scopes, scope) || !slices.Contains(v.Credential.Scopes, scope) || !slices.Contains(v.Credential.Granted, scope) {
			v.Reason, v.Scope = ScopeMissing, scope
			return
		}
	}
	if len(v.Operation.Scopes) == 0 {
		// A contract with such an operation does not pass its gates; nothing is open for want of a word.
		v.Reason = NoOperation
	}
}

// why names the cause of death as it is recorded.
func why(err error, c *fold.Credential) Reason {
	d, ok := lineage.Why(err)
	if !ok {
		return Unreadable
	}
	switch d.Cause {
	case lineage.Unknown:
		return Unknown
	case lineage.Unreadable:
		return Unreadable
	case lineage.Behind:
		return Stale
	case lineage.Paused:
		return Suspended
	}
	ended := d.Cause == lineage.Ended
	switch d.By.Kind {
	case "generation":
		if ended {
			return Retired
		}
		return Expired
	case "credential", "token":
		if ended && !c.Expired {
			return Revoked
		}
		return Expired
	case "grant", "request":
		return GrantEnded
	case "application":
		return ApplicationEnded
	case "organization":
		return OrganizationEnded
	case "signing_key":
		if ended {
			return KeyCompromised
		}
		return Expired
	}
	return Revoked
}
