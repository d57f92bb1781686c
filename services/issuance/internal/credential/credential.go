// Package credential is one credential of an application and the generations of its secret.
//
// Rules:
//
//  1. A credential is issued once, under a usable authorization, with an expiry inside the grant and the class's maximum (D1, D15).
//
//  2. At most two generations are live at a time; a successor starts only from the live newest one.
//
//  3. A retired generation never returns, and the last live one cannot be retired, only the credential revoked (D4).
//
//  4. A revoked or expired credential is dead for good: it is neither rotated nor retired nor issued again.
//
//  5. A leak ends every generation up to the leaked one at once; it may leave the credential without a live generation.
//
//  6. A secret whose time is over is retired, and the credential expires with its newest or its last one (L9).
//
//  7. Only an application with two owners that is neither suspended nor disabled is issued a secret (B2).
//
//  8. A kind whose secret the consumer keeps is issued for a public key, one whose secret is made here for a fingerprint; no
//     generation has another's (D4, D5).
//
//  9. A machine renews by its newest live secret, in the last third of its life, within grant and class; what was imported
//     is never renewed nor rotated, only replaced (D2, X10).
//
//  10. A secret that did not reach the store it was meant for ends.
//
//  11. What leaks in its last live generation is revoked where no successor may follow in place: a credential of a sensitive
//     product, and an imported one. The owners of that moment are given notice in the same decision (L11).
package credential

import (
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Generation is one secret of a credential.
type Generation struct {
	Number        uint32
	Hint          string
	Fingerprint   []byte
	ExpiresAt     time.Time
	Ended         bool
	EndReason     string
	OverlapEndsAt time.Time // of the older generation; zero while no successor runs
	StartsAt      time.Time
	// Renewed says that the machine itself asked for it.
	Renewed bool
	// Key is what the consumer proves possession of; nil for a shared secret.
	Key *issuancev1.KeyMaterial
	// Method is how the fingerprint was made: empty for HMAC under the pepper, sha256 for some imported ones.
	Method string
	// DeliveredTo is the store the secret goes to, Delivered that it is there.
	DeliveredTo string
	Delivered   bool
	// Quiet is how long it must be unused to retire before its overlap ends; zero keeps the full overlap.
	Quiet time.Duration
}

// State is one credential; its zero value is a credential nobody issued.
type State struct {
	Issued                                                   bool
	Dead                                                     bool
	DeadReason                                               string
	Kind, Name, GrantID, RequestID, ApplicationID, ProductID string
	Organization, Environment, Class                         string
	Scopes                                                   []string
	Generations                                              []Generation
	ExpiresAt                                                time.Time
	// RedirectURIs, GrantTypes (none means client_credentials alone) and BoundTokens are how an OAuth client may be used.
	RedirectURIs, GrantTypes []string
	BoundTokens              bool
	// ImportedFrom is where the secret was taken over from; empty for one issued here.
	ImportedFrom string
	// Notified is the newest generation whose leak the owners were given notice of.
	Notified uint32
}

// Refusals.
var (
	ErrUnknown          = errors.New("no such credential")
	ErrAlreadyIssued    = errors.New("the credential was issued already; its secret is not shown again")
	ErrDead             = errors.New("the credential has ended and cannot come back; issue a new one")
	ErrKind             = errors.New("the kind is api_key, client_secret, client_key or client_certificate")
	ErrTooLong          = errors.New("the expiry is later than the grant or the product's class allows")
	ErrNoExpiry         = errors.New("a credential needs an expiry in the future")
	ErrNoOwner          = errors.New("the application lacks an accountable owner")
	ErrApplicationState = errors.New("the application is not active")
	ErrScopes           = errors.New("the scopes are not all within the grant")
	ErrRotating         = errors.New("a rotation is under way; end its overlap first")
	ErrNoGeneration     = errors.New("no such generation")
	ErrLastGeneration   = errors.New("the only live generation cannot be retired; revoke the credential instead")
	ErrOverlapTooLong   = errors.New("the overlap is longer than seven days")
	ErrNotDue           = errors.New("the credential has not expired yet")
	ErrMaterial         = errors.New("the kind wants another proof: a secret is made here, a key is the consumer's own")
	ErrKeyReused        = errors.New("the key was registered before; make a new one")
	ErrRedirect         = errors.New("a redirect URI is exact: https, or http on a loopback address, without wildcard, fragment or user")
	ErrGrantTypes       = errors.New("these grant types, redirect URIs and kind do not go together")
	ErrImported         = errors.New("an imported credential is replaced, never renewed")
	ErrTooEarly         = errors.New("a credential is renewed in the last third of its life")
	ErrSuperseded       = errors.New("only the newest secret renews the credential")
	ErrGrantEnds        = errors.New("the grant ends no later than the secret; renew the access first")
	ErrNotNarrower      = errors.New("a credential can only be narrowed, and not to nothing")
	ErrNotOnItsWay      = errors.New("the secret is on its way to no store")
)

// OrganizationID is the organisation whose credential it is.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *issuancev1.CredentialIssued:
		s.Issued = true
		s.Kind, s.Name, s.GrantID, s.RequestID = e.Kind, e.Name, e.GrantId, e.RequestId
		s.ApplicationID, s.ProductID, s.Organization = e.ApplicationId, e.ProductId, e.OrganizationId
		s.Environment, s.Class, s.Scopes, s.ExpiresAt = e.Environment, e.Class, e.Scopes, e.ExpiresAt.AsTime()
		s.RedirectURIs, s.GrantTypes, s.BoundTokens, s.ImportedFrom = e.RedirectUris, e.GrantTypes, e.BoundTokens, e.ImportedFrom
		s.Generations = []Generation{{
			Number: e.Generation, Hint: e.Hint, Fingerprint: e.Fingerprint, ExpiresAt: e.ExpiresAt.AsTime(), StartsAt: moment(e.StartsAt),
			Key: e.Key, Method: e.FingerprintMethod, DeliveredTo: e.DeliveredTo,
		}}
	case *issuancev1.CredentialRotationStarted:
		s = s.each(func(g *Generation) {
			if g.Number == e.PreviousGeneration {
				g.OverlapEndsAt, g.Quiet = e.OverlapEndsAt.AsTime(), time.Duration(e.QuietSeconds)*time.Second
			}
		})
		s.Generations = append(s.Generations, Generation{
			Number: e.Generation, Hint: e.Hint, Fingerprint: e.Fingerprint, ExpiresAt: e.ExpiresAt.AsTime(), StartsAt: moment(e.StartsAt),
			Key: e.Key, DeliveredTo: e.DeliveredTo, Renewed: e.Reason == "renewed",
		})
		s.ExpiresAt = e.ExpiresAt.AsTime()
	case *issuancev1.CredentialRetired:
		s = s.end(e.Reason, func(n uint32) bool { return n == e.Generation })
	case *issuancev1.CredentialLeakReported:
		s = s.end("leaked", func(n uint32) bool { return n <= e.Generation })
	case *issuancev1.CredentialDelivered:
		s = s.each(func(g *Generation) { g.Delivered = g.Delivered || g.Number == e.Generation })
	case *issuancev1.CredentialDeliveryFailed:
		s = s.end("not_delivered", func(n uint32) bool { return n == e.Generation })
	case *issuancev1.CredentialNarrowed:
		s.Scopes = e.Scopes
		if e.ExpiresAt == nil {
			break
		}
		at := e.ExpiresAt.AsTime()
		s = s.each(func(g *Generation) {
			if g.Number == e.Generation && at.Before(g.ExpiresAt) {
				g.ExpiresAt = at
			}
		})
		if e.Generation == s.Newest() && at.Before(s.ExpiresAt) {
			s.ExpiresAt = at
		}
	case *issuancev1.CredentialOwnersNotified:
		s.Notified = max(s.Notified, e.Generation)
	case *issuancev1.CredentialRevoked:
		s.Dead, s.DeadReason = true, e.Reason
	case *issuancev1.CredentialExpired:
		s.Dead, s.DeadReason = true, "expired"
	}
	return s
}

// Live lists the generations that have not ended, oldest first.
func (s State) Live() []Generation {
	var live []Generation
	for _, g := range s.Generations {
		if !g.Ended && !s.Dead {
			live = append(live, g)
		}
	}
	return live
}

// Newest is the highest generation number so far.
func (s State) Newest() uint32 {
	if len(s.Generations) == 0 {
		return 0
	}
	return s.Generations[len(s.Generations)-1].Number
}

func (s State) end(reason string, which func(uint32) bool) State {
	return s.each(func(g *Generation) {
		if which(g.Number) && !g.Ended {
			g.Ended, g.EndReason = true, reason
		}
	})
}

// each changes a copy, so that a state folded earlier stays what it was.
func (s State) each(f func(*Generation)) State {
	s.Generations = append([]Generation(nil), s.Generations...)
	for i := range s.Generations {
		f(&s.Generations[i])
	}
	return s
}

// Generation is the generation of a number, or false.
func (s State) Generation(number uint32) (Generation, bool) {
	for _, g := range s.Generations {
		if g.Number == number {
			return g, true
		}
	}
	return Generation{}, false
}

// moment is zero for a time that was not recorded.
func moment(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func (s State) usable() error {
	switch {
	case !s.Issued:
		return ErrUnknown
	case s.Dead:
		return ErrDead
	}
	return nil
}
