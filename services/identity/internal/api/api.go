// Package api is identity's face: who I am, organisations and their rosters, people and their sessions, the sign-in pages,
// and the door by which the portal fetches a session.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
	"github.com/chancery-dev/chancery/services/identity/internal/page"
	"github.com/chancery-dev/chancery/services/identity/internal/person"
	"github.com/chancery-dev/chancery/services/identity/internal/session"
	"github.com/chancery-dev/chancery/services/identity/internal/signon"
	"github.com/chancery-dev/chancery/services/identity/internal/view"
)

// API is what the operations work with.
type API struct {
	Rows          view.Rows
	Sessions      session.Store
	Organizations eventlog.Repository[organization.State]
	People        eventlog.Repository[person.State]
	Log           *eventlog.Log
	Vault         *eventlog.Vault
	Fold          *lineage.Fold
	Providers     *signon.Providers
	Fingerprints  *secret.Fingerprints
	// Erase destroys the keys of a person and whatever identity keeps of them beside the log.
	Erase func(ctx context.Context, personID string) error
	// WaitFor returns once the views have reached a position.
	WaitFor func(ctx context.Context, position uint64) error
	Clock   func() time.Time
	Logger  *slog.Logger

	// Outbound fetches security events.
	Outbound *http.Client
	// PublicURL is the portal's address, by which providers may name us.
	PublicURL string
	// SessionLife is how long a session lasts at most.
	SessionLife time.Duration
	// FirstAdministrator is the address that becomes the provider's administrator at its first sign-in.
	FirstAdministrator string
	// Secure says that browsers reach the portal by https.
	Secure bool

	failures failures
}

var (
	read       = principal.For("identity.read")
	register   = principal.For("organization.register", principal.PlatformAdmin)
	verify     = principal.For("organization.verify", principal.PlatformAdmin)
	suspend    = principal.For("organization.suspend", principal.PlatformAdmin)
	closeOrg   = principal.For("organization.close", principal.PlatformAdmin).WithStepUp()
	configure  = principal.For("organization.single_sign_on", principal.PlatformAdmin).WithStepUp()
	grantRole  = principal.For("role.grant", principal.PlatformAdmin, principal.OrgAdmin).WithStepUp()
	revokeRole = principal.For("role.revoke", principal.PlatformAdmin, principal.OrgAdmin).WithStepUp()
	lock       = principal.For("person.lock", principal.PlatformAdmin, principal.OrgAdmin)
	depart     = principal.For("person.deprovision", principal.PlatformAdmin, principal.OrgAdmin)
	erase      = principal.For("person.erase", principal.PlatformAdmin).WithStepUp()
	fetch      = principal.For("session.redeem").To(principal.Service)
)

// Register declares every operation.
func (a *API) Register(e *endpoint.API) {
	e.Refusals(refusals)
	type op = endpoint.Operation
	endpoint.Route(e, read, op{Method: "GET", Path: "/v1/me", Summary: "Who I am, in which session, with which roles"}, a.me)
	endpoint.Route(e, read, op{Method: "POST", Path: "/v1/names", Summary: "Names behind ids", Reach: "people and organisations within reach; others are left out"}, a.names)

	endpoint.Route(e, register, op{Method: "POST", Path: "/v1/organizations", Summary: "Register an organisation", Status: http.StatusCreated, Limits: perPerson(60)}, a.register)
	endpoint.Route(e, read, op{Method: "GET", Path: "/v1/organizations", Summary: "List organisations", Reach: "own; all for the provider's people"}, a.organizations)
	endpoint.Route(e, read, op{Method: "GET", Path: "/v1/organizations/{id}", Summary: "Read an organisation", Object: a.seesOrganization}, a.organization)
	endpoint.Route(e, verify, op{Method: "POST", Path: "/v1/organizations/{id}/verify", Summary: "Say that it is who it claims to be", Object: a.administers}, a.verify)
	endpoint.Route(e, suspend, op{Method: "POST", Path: "/v1/organizations/{id}/suspend", Summary: "Pause everything of it", Object: a.administers}, a.suspend)
	endpoint.Route(e, suspend, op{Method: "POST", Path: "/v1/organizations/{id}/resume", Summary: "Lift a suspension", Object: a.administers}, a.resume)
	endpoint.Route(e, closeOrg, op{Method: "POST", Path: "/v1/organizations/{id}/close", Summary: "End the relation and all that descends from it", Object: a.administers}, a.close)
	endpoint.Route(e, configure, op{Method: "POST", Path: "/v1/organizations/{id}/single-sign-on", Summary: "Say by which OpenID provider its people sign in", Object: a.administers}, a.configure)
	endpoint.Route(e, configure, op{Method: "POST", Path: "/v1/organizations/{id}/signals", Summary: "Say where its provider's security events are fetched", Object: a.administers}, a.configureSignals)
	endpoint.Route(e, grantRole, op{Method: "POST", Path: "/v1/organizations/{id}/roles", Summary: "Give a person a role", Object: a.administers, Limits: perPerson(60)}, a.grantRole)
	endpoint.Route(e, revokeRole, op{Method: "POST", Path: "/v1/organizations/{id}/roles/revoke", Summary: "Take a role from a person", Object: a.administers, Limits: perPerson(60)}, a.revokeRole)

	endpoint.Route(e, read, op{Method: "GET", Path: "/v1/people", Summary: "List people", Reach: "of one's own organisation; of any for the platform's administrators and auditors"}, a.people)
	endpoint.Route(e, read, op{Method: "GET", Path: "/v1/people/{id}", Summary: "Read a person", Object: a.seesPerson}, a.person)
	endpoint.Route(e, lock, op{Method: "POST", Path: "/v1/people/{id}/lock", Summary: "Bar sign-in and end every session", Object: a.administersPerson}, a.lock)
	endpoint.Route(e, lock, op{Method: "POST", Path: "/v1/people/{id}/unlock", Summary: "Let the person sign in again", Object: a.administersPerson}, a.unlock)
	endpoint.Route(e, lock, op{Method: "POST", Path: "/v1/people/{id}/end-sessions", Summary: "End every session", Object: a.administersPerson}, a.endSessions)
	endpoint.Route(e, depart, op{Method: "POST", Path: "/v1/people/{id}/deprovision", Summary: "Say that the person has left", Object: a.administersPerson}, a.deprovision)
	endpoint.Route(e, erase, op{Method: "POST", Path: "/v1/people/{id}/erase", Summary: "Destroy the keys of the person's values", Object: a.administersPerson, Timeout: time.Minute}, a.erase)

	endpoint.Route(e, read, op{Method: "GET", Path: "/v1/sessions", Summary: "List my sessions"}, a.sessions)
	endpoint.Route(e, read, op{Method: "POST", Path: "/v1/sessions/{id}/end", Summary: "End one of my sessions, or of a person I administer", Object: a.reachesSession}, a.endSession)

	a.pages(e)
	a.signals(e)
	endpoint.Route(e, fetch, op{Method: "POST", Path: "/internal/sessions/redeem", Summary: "Fetch the session of a one-time code"}, a.redeem)
	endpoint.Route(e, fetch, op{Method: "GET", Path: "/internal/sessions/{id}", Summary: "Read a session"}, a.fetchSession)
}

// pages declares the server-rendered sign-in pages: there is one way in, through the organisation's provider.
func (a *API) pages(e *endpoint.API) {
	type op = endpoint.Operation
	public, limits := endpoint.Public, endpoint.Limits{Address: endpoint.Rate{Count: 120, Per: time.Minute}}
	door := func(p endpoint.Permission, method, path, summary string, h http.HandlerFunc) {
		endpoint.Raw(e, p, op{Method: method, Path: path, Summary: summary, Tag: "pages", MaxBody: 16 << 10, Timeout: 30 * time.Second, Limits: limits}, h, a.refusedPage)
	}
	door(public, "GET", "/auth/sign-in", "Ask for an address", a.signInPage)
	door(public, "POST", "/auth/discover", "Find the organisation of an address", a.discover)
	door(public, "GET", "/auth/start", "Go to an organisation's provider", a.start)
	door(public, "GET", "/auth/callback", "Come back from a provider", a.callback)
	door(public, "GET", "/auth/signed-out", "Say that the session is over", a.signedOutPage)
	door(read, "POST", "/auth/sign-out", "End my session", a.signOut)
	door(read, "GET", "/auth/step-up", "Confirm my session with a second factor", a.stepUp)
	endpoint.Raw(e, public, op{Method: "GET", Path: "/auth/assets/{version}/{name}", Summary: "Style of the pages", Tag: "pages"}, http.HandlerFunc(page.Asset), a.refusedPage)
}

func perPerson(n int) endpoint.Limits {
	return endpoint.Limits{Person: endpoint.Rate{Count: n, Per: time.Minute}}
}

var refusals = problem.Map{
	organization.ErrUnknown: {Kind: problem.NotFound}, organization.ErrRegistered: {Kind: problem.Conflict},
	organization.ErrClosed: {Kind: problem.Conflict}, organization.ErrKind: {Kind: problem.Invalid},
	organization.ErrName: {Kind: problem.Invalid}, organization.ErrContractEnd: {Kind: problem.Invalid},
	organization.ErrEvidence: {Kind: problem.Invalid}, organization.ErrReason: {Kind: problem.Invalid},
	organization.ErrProvider: {Kind: problem.Conflict}, organization.ErrIssuer: {Kind: problem.Invalid}, organization.ErrEndpoint: {Kind: problem.Invalid},
	organization.ErrClientID: {Kind: problem.Invalid}, organization.ErrDomains: {Kind: problem.Invalid},
	organization.ErrGroups: {Kind: problem.Invalid}, organization.ErrForeignRole: {Kind: problem.Invalid},
	organization.ErrLastAdmin: {Kind: problem.Conflict}, organization.ErrFromClaim: {Kind: problem.Conflict},
	organization.ErrPerson: {Kind: problem.Invalid},
	person.ErrUnknown:      {Kind: problem.NotFound}, person.ErrGone: {Kind: problem.Conflict},
	person.ErrErased: {Kind: problem.Conflict}, person.ErrLocked: {Kind: problem.Conflict}, person.ErrReason: {Kind: problem.Invalid},
	person.ErrSession: {Kind: problem.Invalid}, session.ErrUnknown: {Kind: problem.NotFound, Code: "not_found"},
}
