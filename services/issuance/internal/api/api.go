// Package api is issuance's operations.
package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/issuance/internal/applied"
	"github.com/chancery-dev/chancery/services/issuance/internal/authority"
	"github.com/chancery-dev/chancery/services/issuance/internal/authorization"
	"github.com/chancery-dev/chancery/services/issuance/internal/claim"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/delivery"
	"github.com/chancery-dev/chancery/services/issuance/internal/killtree"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
	"github.com/chancery-dev/chancery/services/issuance/internal/pki"
	"github.com/chancery-dev/chancery/services/issuance/internal/proof"
	"github.com/chancery-dev/chancery/services/issuance/internal/signingkey"
	"github.com/chancery-dev/chancery/services/issuance/internal/standing"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// Deps is what the operations act through.
type Deps struct {
	Rows         view.Rows
	Credentials  eventlog.Repository[credential.State]
	Consents     eventlog.Repository[consent.State]
	Fold         oauth.Fold
	Standing     *standing.Fold
	Applied      *applied.Maker
	Fingerprints *secret.Fingerprints
	OAuth        *oauth.Server
	SigningKeys  eventlog.Repository[signingkey.State]
	// Turn lets the next signing key sign.
	Turn        func(ctx context.Context) (oauth.Turned, error)
	Tree        *killtree.Tree
	Signals     *Signals
	Revocations *killtree.Revocations
	Now         func() time.Time
	Claims      eventlog.Repository[claim.State]
	Challenges  *proof.Challenges
	Authorities *pki.Authorities
	Courier     *delivery.Courier
}

type api struct{ Deps }

var (
	owners = []string{principal.AppOwner, principal.OrgAdmin}
	read   = principal.For("credential.read", principal.Viewer, principal.AppOwner, principal.OrgAdmin, principal.Auditor,
		principal.PlatformAdmin, principal.ProductOwner, principal.APIOwner)
	issue  = principal.For("credential.issue", owners...).WithStepUp()
	rotate = principal.For("credential.rotate", owners...).WithStepUp()
	revoke = principal.For("credential.revoke", append(owners, principal.PlatformAdmin)...).WithStepUp()
)

var refusals = problem.Map{
	authorization.ErrNotOpen:       {Kind: problem.NotFound, Code: "not_found"},
	authorization.ErrClosed:        {Kind: problem.Conflict, Code: "grant_ended"},
	credential.ErrUnknown:          {Kind: problem.NotFound, Code: "not_found"},
	credential.ErrAlreadyIssued:    {Kind: problem.Conflict, Code: "already_issued"},
	credential.ErrDead:             {Kind: problem.Conflict, Code: "credential_ended"},
	credential.ErrKind:             {Kind: problem.Invalid, Code: "kind_unknown"},
	credential.ErrTooLong:          {Kind: problem.Invalid, Code: "lifetime_too_long"},
	credential.ErrNoExpiry:         {Kind: problem.Invalid, Code: "expiry_missing"},
	credential.ErrNoOwner:          {Kind: problem.Conflict, Code: "owner_missing"},
	credential.ErrApplicationState: {Kind: problem.Conflict, Code: "application_not_active"},
	credential.ErrScopes:           {Kind: problem.Invalid, Code: "scopes_outside_grant"},
	credential.ErrRotating:         {Kind: problem.Conflict, Code: "rotation_under_way"},
	credential.ErrNoGeneration:     {Kind: problem.Invalid, Code: "generation_unknown"},
	credential.ErrLastGeneration:   {Kind: problem.Conflict, Code: "last_generation"},
	credential.ErrOverlapTooLong:   {Kind: problem.Invalid, Code: "overlap_too_long"},
	signingkey.ErrUnknown:          {Kind: problem.NotFound, Code: "not_found"},
	killtree.ErrNoEnding:           {Kind: problem.NotFound, Code: "not_found"},
	credential.ErrMaterial:         {Kind: problem.Invalid, Code: "proof_of_another_kind"},
	credential.ErrKeyReused:        {Kind: problem.Conflict, Code: "key_reused"},
	credential.ErrPublicClient:     {Kind: problem.Invalid, Code: "public_client_invalid"},
	credential.ErrRedirect:         {Kind: problem.Invalid, Code: "redirect_uri_not_exact"},
	credential.ErrGrantTypes:       {Kind: problem.Invalid, Code: "client_settings"},
	credential.ErrImported:         {Kind: problem.Conflict, Code: "imported"},
	credential.ErrTooEarly:         {Kind: problem.Conflict, Code: "too_early"},
	credential.ErrSuperseded:       {Kind: problem.Conflict, Code: "superseded"},
	credential.ErrGrantEnds:        {Kind: problem.Conflict, Code: "grant_ends"},
	credential.ErrNotNarrower:      {Kind: problem.Invalid, Code: "not_narrower"},
	claim.ErrTaken:                 {Kind: problem.Conflict, Code: "key_reused"},
	proof.ErrProof:                 {Kind: problem.Invalid, Code: "proof_invalid"},
	proof.ErrKey:                   {Kind: problem.Invalid, Code: "key_not_accepted"},
	proof.ErrChallenge:             {Kind: problem.Invalid, Code: "challenge_over"},
	proof.ErrRequest:               {Kind: problem.Invalid, Code: "certificate_request_invalid"},
	authority.ErrUnknown:           {Kind: problem.NotFound, Code: "not_found"},
	delivery.ErrPlace:              {Kind: problem.Invalid, Code: "delivery_place"},
	pki.ErrNone:                    {Kind: problem.Unavailable, Code: "authority_missing"},
	errHandedIn:                    {Kind: problem.Invalid, Code: "proof_of_another_kind"},
	errNotOwner:                    {Kind: problem.Forbidden, Code: "not_owner"},
	errNotLive:                     {Kind: problem.Conflict, Code: "not_live"},
	eventlog.ErrBehind:             {Kind: problem.Unavailable, Code: "view_behind"},
	lineage.ErrBehind:              {Kind: problem.Unavailable, Code: "view_behind"},
}

var (
	errNotOwner = errors.New("only an owner of the application or an administrator of its organisation may do this")
	errNotLive  = errors.New("what the credential descends from ended meanwhile; nothing usable was issued")
)

// Routes declares every operation.
func Routes(e *endpoint.API, d Deps) {
	a := &api{d}
	e.Refusals(refusals)
	sensitive := endpoint.Limits{
		Person:       endpoint.Rate{Count: 30, Per: time.Minute},
		Organization: endpoint.Rate{Count: 300, Per: time.Minute},
	}
	endpoint.Route(e, issue, endpoint.Operation{Method: "POST", Path: "/v1/credentials", Summary: "Issue a credential", Status: http.StatusCreated, Reach: "grants of the own organisation", Limits: sensitive}, a.issue)
	endpoint.Route(e, issue, endpoint.Operation{Method: "POST", Path: "/v1/credentials/challenges", Summary: "Get a challenge for a key proof", Reach: "own organisation", Limits: sensitive}, a.challenge)
	endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/credentials", Summary: "List credentials", Reach: "own organisation; auditors and platform administrators all"}, a.list)
	endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/credentials/{id}", Summary: "Read a credential", Object: a.within}, a.get)
	endpoint.Route(e, rotate, endpoint.Operation{Method: "POST", Path: "/v1/credentials/{id}/rotate", Summary: "Start a rotation", Status: http.StatusCreated, Object: a.own, Limits: sensitive}, a.rotate)
	endpoint.Route(e, rotate, endpoint.Operation{Method: "POST", Path: "/v1/credentials/{id}/retire", Summary: "Retire an old generation", Object: a.own, Limits: sensitive}, a.retire)
	endpoint.Route(e, revoke, endpoint.Operation{Method: "POST", Path: "/v1/credentials/{id}/revoke", Summary: "Revoke a credential", Object: a.within, Limits: sensitive}, a.revoke)
	consentRoutes(e, a)
	a.actingRoutes(e)

	a.receipts(e)
	a.inventoryRoutes(e)
	a.treeRoutes(e)
	a.signingKeyRoutes(e)
	a.signalRoutes(e)

	a.pkiRoutes(e)
	a.renewRoutes(e)

	door := endpoint.Limits{Address: endpoint.Rate{Count: 6000, Per: time.Minute}}
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "POST", Path: "/oauth2/token", Summary: "Token endpoint, RFC 6749", Limits: door, Accept: form}, http.HandlerFunc(d.OAuth.Token), nil)
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "POST", Path: "/oauth2/introspect", Summary: "Introspection, RFC 7662", Limits: door, Accept: form}, http.HandlerFunc(d.OAuth.Introspect), nil)
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "POST", Path: "/oauth2/revoke", Summary: "Revocation, RFC 7009", Limits: door, Accept: form}, http.HandlerFunc(d.OAuth.Revoke), nil)
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "GET", Path: "/oauth2/jwks", Summary: "Signing keys, RFC 7517"}, http.HandlerFunc(d.OAuth.JWKS), nil)
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "GET", Path: "/.well-known/oauth-authorization-server", Summary: "Metadata, RFC 8414"}, http.HandlerFunc(d.OAuth.Metadata), nil)
}

var form = []string{"application/x-www-form-urlencoded"}

func everywhere(p principal.Principal) bool {
	return p.Has(principal.Auditor) || p.Has(principal.PlatformAdmin)
}

// within lets the credential's organisation reach it, and those who see all.
func (a *api) within(ctx context.Context, p principal.Principal, id string) error {
	s, _, err := a.Credentials.Load(ctx, id)
	switch {
	case err != nil:
		return err
	case !s.Issued, s.Organization != p.Organization && !everywhere(p):
		return problem.NotFoundError()
	}
	return nil
}

// own is within for what nobody else's people may do.
func (a *api) own(ctx context.Context, p principal.Principal, id string) error {
	s, _, err := a.Credentials.Load(ctx, id)
	switch {
	case err != nil:
		return err
	case !s.Issued, s.Organization != p.Organization:
		return problem.NotFoundError()
	}
	return nil
}
