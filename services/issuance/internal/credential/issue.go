package credential

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// MaxLifetime is the longest a secret of a product class may live.
func MaxLifetime(class string) time.Duration {
	switch class {
	case "public":
		return 365 * 24 * time.Hour
	case "partner":
		return 90 * 24 * time.Hour
	}
	return 30 * 24 * time.Hour
}

// Stricter is the class of the two that lets secrets live shorter.
func Stricter(a, b string) string {
	if b != "" && MaxLifetime(b) < MaxLifetime(a) {
		return b
	}
	return a
}

// Allowance is what issuance knows of the grant and the application at the moment of issuing.
type Allowance struct {
	GrantID, RequestID, ApplicationID, OrganizationID, ProductID string
	Environment, Class                                           string
	Scopes                                                       []string
	Until                                                        time.Time
	// Usable is why the grant does not allow it, or nil.
	Usable error
	// Owners counts the application's accountable people still here.
	Owners int
	// Active is false while the application is suspended, disabled or gone.
	Active bool
}

// Secret is the public side of one generation's secret: a fingerprint of what was made here, or the consumer's own key.
type Secret struct {
	Hint        string
	Fingerprint []byte
	// Method is how the fingerprint was made; empty for HMAC under the pepper.
	Method string
	Key    *issuancev1.KeyMaterial
	// DeliveredTo is the store it goes to instead of being shown.
	DeliveredTo string
}

// Issue makes the credential and its first generation.
type Issue struct {
	Kind, Name string
	Scopes     []string // empty means all of the grant
	ExpiresAt  time.Time
	Now        time.Time
	Allowance  Allowance
	Secret     Secret
	// Client is how an OAuth client may be used.
	Client Client
	// ImportedFrom names the system the secret was taken over from.
	ImportedFrom string
}

// Decide follows rules 1, 7 and 8.
func (c Issue) Decide(s State) ([]aggregate.Event, error) {
	a := c.Allowance
	scopes := c.Scopes
	if len(scopes) == 0 {
		scopes = a.Scopes
	}
	switch {
	case s.Dead:
		return nil, ErrDead
	case s.Issued:
		return nil, ErrAlreadyIssued
	case !known(c.Kind):
		return nil, ErrKind
	case !c.Secret.fits(c.Kind):
		return nil, ErrMaterial
	case a.Usable != nil:
		return nil, a.Usable
	case !a.Active:
		return nil, ErrApplicationState
	case a.Owners < 2:
		return nil, ErrNoOwner
	case !c.ExpiresAt.After(c.Now):
		return nil, ErrNoExpiry
	case c.ExpiresAt.After(a.Until), c.ExpiresAt.Sub(c.Now) > MaxLifetime(a.Class):
		return nil, ErrTooLong
	}
	for _, scope := range scopes {
		if !slices.Contains(a.Scopes, scope) {
			return nil, ErrScopes
		}
	}
	if err := c.Client.check(c.Kind); err != nil {
		return nil, err
	}
	return []aggregate.Event{&issuancev1.CredentialIssued{
		Kind: c.Kind, Name: c.Name, GrantId: a.GrantID, RequestId: a.RequestID, ApplicationId: a.ApplicationID,
		OrganizationId: a.OrganizationID, ProductId: a.ProductID, Scopes: scopes, Environment: a.Environment, Class: a.Class,
		Generation: 1, Hint: c.Secret.Hint, Fingerprint: c.Secret.Fingerprint, ExpiresAt: timestamppb.New(c.ExpiresAt),
		StartsAt: timestamppb.New(c.Now), Key: c.Secret.Key, FingerprintMethod: c.Secret.Method, DeliveredTo: c.Secret.DeliveredTo,
		RedirectUris: c.Client.RedirectURIs, GrantTypes: c.Client.GrantTypes, BoundTokens: c.Client.BoundTokens, ImportedFrom: c.ImportedFrom,
	}}, nil
}
