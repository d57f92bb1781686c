// Package principal says who is calling: the subject, its organisation, its roles and how surely it is known; what a caller
// must be to do something; and the one-minute tokens by which one service vouches for a caller to another.
package principal

import (
	"context"
	"slices"
	"time"
)

// Kind is what sort of caller it is; people and machines never mix.
type Kind string

// The kinds of callers.
const (
	Person  Kind = "person"
	Client  Kind = "client"
	Service Kind = "service"
	System  Kind = "system"
)

// The roles a person can hold in an organisation.
const (
	Viewer           = "viewer"
	AppOwner         = "app_owner"
	OrgAdmin         = "org_admin"
	ProductOwner     = "product_owner"
	APIOwner         = "api_owner"
	Reviewer         = "reviewer"
	SecurityReviewer = "security_reviewer"
	Auditor          = "auditor"
	PlatformAdmin    = "platform_admin"
)

// Principal is an authenticated caller.
type Principal struct {
	ID           string
	Kind         Kind
	Organization string
	// Application is the application a client belongs to.
	Application string
	Roles       []string

	// Session is the sign-in session of a person, SessionSeen the position its sign-in rested on.
	Session     string
	SessionSeen uint64

	// ACR, AMR and AuthTime say how and when the person last proved who they are (OpenID Connect Core §2, RFC 8176).
	ACR      string
	AMR      []string
	AuthTime time.Time

	// Voucher is the service that signed the token, KeyID its key, TokenID and Seen the token's own, Expires its end.
	Voucher string
	KeyID   string
	TokenID string
	Seen    uint64
	Expires time.Time
}

// Has says whether the caller holds one of the roles.
func (p Principal) Has(roles ...string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(p.Roles, r) })
}

// MultiFactor says whether more than one factor proved the person (RFC 8176 §2).
func (p Principal) MultiFactor() bool {
	return slices.ContainsFunc(p.AMR, func(m string) bool { return m == "mfa" || m == "otp" || m == "hwk" || m == "swk" })
}

// FreshUntil is when a proof of more than one factor stops being fresh; zero without one.
func (p Principal) FreshUntil(age time.Duration) time.Time {
	if !p.MultiFactor() || p.AuthTime.IsZero() {
		return time.Time{}
	}
	return p.AuthTime.Add(age)
}

type contextKey struct{}

// With puts the caller into a context.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From is the caller of this context; false if nobody is authenticated.
func From(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(contextKey{}).(Principal)
	return p, ok
}

// Caller is the caller of a context behind a guard that has authenticated one; the zero Principal in a public operation.
func Caller(ctx context.Context) Principal {
	p, _ := From(ctx)
	return p
}
