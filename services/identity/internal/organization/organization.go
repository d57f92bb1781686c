// Package organization is one organisation: who it is, how its people sign in, and the roster of who holds which role.
//
// Rules:
//  1. An organisation is registered once, as a partner or, under the one id reserved for it, as the provider; a partner's
//     contract ends in the future if at all.
//  2. A closed organisation stays closed and decides nothing more.
//  3. The provider itself is neither suspended nor closed: nobody would be left to resume it.
//  4. Verification names a method and the evidence, and is said once (A9).
//  5. People sign in by one OpenID provider: an https issuer (http on loopback only), at least one mail domain, and groups
//     that map to roles of this kind of organisation (A1).
//  6. A role belongs to one tier: partners never hold the provider's roles, nor the provider theirs (A6, A15).
//  7. A roster that has an administrator keeps one: the last is not taken away, neither by hand nor by a claim.
//  8. A role that came by a claim goes by the claim: it is not taken by hand, and it is revoked at the first sign-in whose
//     groups no longer give it (A5).
//  9. The first administrator is appointed once, while the roster has never had one.
//  10. Whoever has left is released from every role, the last administrator too.
package organization

import (
	"errors"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Kinds of organisation.
const (
	Provider = "provider"
	Partner  = "partner"
)

// ProviderID is the id of the platform's own organisation, of which there is one: uuid5 of
// https://chancery.dev/organization/provider.
const ProviderID = "ba628045-f791-56cb-a85a-18865db38300"

// Where a role came from.
const (
	Claim  = "claim"
	Manual = "manual"
)

// Held is one role of one person.
type Held struct{ PersonID, Role, Origin string }

// SingleSignOn is how the organisation's people sign in.
type SingleSignOn struct {
	Issuer, ClientID, SecretID string
	Domains                    []string
	GroupRoles                 map[string]string
}

// State is one organisation; its zero value is one that nobody registered.
type State struct {
	ID, Name, Kind, Contract string
	ContractEndsAt           time.Time
	Verified                 bool
	Suspended                bool
	Closed                   bool
	SingleSignOn             SingleSignOn
	Signals                  Signals
	Roster                   []Held
	Administered             bool // there has been an administrator
}

// Refusals.
var (
	ErrUnknown      = errors.New("not_found: no such organisation")
	ErrRegistered   = errors.New("organization_registered: the organisation is registered already")
	ErrClosed       = errors.New("organization_closed: the organisation is closed")
	ErrKind         = errors.New("kind_unknown: the kind is provider or partner")
	ErrName         = errors.New("name_length: the name has 1 to 120 characters")
	ErrContractEnd  = errors.New("contract_end: a partner's contract ends in the future, and the provider has none")
	ErrEvidence     = errors.New("evidence_missing: a verification names its method and the evidence")
	ErrReason       = errors.New("reason_missing: a reason is needed")
	ErrProvider     = errors.New("provider_stays: the provider itself cannot be suspended or closed")
	ErrIssuer       = errors.New("issuer_invalid: the issuer is an https address without query or fragment")
	ErrEndpoint     = errors.New("endpoint_invalid: security events are fetched from an https address")
	ErrClientID     = errors.New("client_id_missing: the client id at the organisation's OpenID provider is needed")
	ErrDomains      = errors.New("domains_invalid: between 1 and 50 mail domains are needed, each a plain domain name")
	ErrGroups       = errors.New("groups_invalid: at most 200 groups may be mapped, and none may be empty")
	ErrForeignRole  = errors.New("role_foreign: this kind of organisation has no such role")
	ErrLastAdmin    = errors.New("last_administrator: this is the last administrator; appoint another one first")
	ErrFromClaim    = errors.New("role_from_claim: the role comes from a group at the organisation's identity provider; take the person out of the group there")
	ErrAdministered = errors.New("administered_before: the organisation has had an administrator already")
	ErrPerson       = errors.New("person_missing: a person is needed")
)

// Roles lists the roles people of this kind of organisation may hold.
func Roles(kind string) []string {
	switch kind {
	case Partner:
		return []string{"viewer", "app_owner", "org_admin"}
	case Provider:
		return []string{"viewer", "product_owner", "api_owner", "reviewer", "security_reviewer", "auditor", "platform_admin"}
	}
	return nil
}

// Administrator is the role that administers this kind of organisation.
func Administrator(kind string) string {
	if kind == Provider {
		return "platform_admin"
	}
	return "org_admin"
}

// OrganizationID is the organisation itself.
func (s State) OrganizationID() string { return s.ID }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *identityv1.OrganizationRegistered:
		s.ID, s.Name, s.Kind, s.Contract = e.OrganizationId, e.Name, e.Kind, e.Contract
		if e.ContractEndsAt != nil {
			s.ContractEndsAt = e.ContractEndsAt.AsTime()
		}
	case *identityv1.OrganizationVerified:
		s.Verified = true
	case *identityv1.OrganizationSuspended:
		s.Suspended = true
	case *identityv1.OrganizationResumed:
		s.Suspended = false
	case *identityv1.OrganizationClosed:
		s.Closed = true
	case *identityv1.OrganizationSignalsConfigured:
		s.Signals = Signals{e.PollEndpoint, e.SecretId}
	case *identityv1.OrganizationSingleSignOnConfigured:
		s.SingleSignOn = SingleSignOn{Issuer: e.Issuer, ClientID: e.ClientId, SecretID: e.SecretId, Domains: e.Domains, GroupRoles: e.GroupRoles}
	case *identityv1.OrganizationRoleGranted:
		s.Roster = append(slices.Clone(s.Roster), Held{PersonID: e.PersonId, Role: e.Role, Origin: e.Origin})
		s.Administered = s.Administered || e.Role == Administrator(s.Kind)
	case *identityv1.OrganizationRoleRevoked:
		s.Roster = slices.DeleteFunc(slices.Clone(s.Roster), func(h Held) bool { return h.PersonID == e.PersonId && h.Role == e.Role })
	}
	return s
}

// Holds answers how the person holds the role.
func (s State) Holds(personID, role string) (Held, bool) {
	i := slices.IndexFunc(s.Roster, func(h Held) bool { return h.PersonID == personID && h.Role == role })
	if i < 0 {
		return Held{}, false
	}
	return s.Roster[i], true
}

// RolesOf lists the roles of a person in the order they were given.
func (s State) RolesOf(personID string) []string {
	var roles []string
	for _, h := range s.Roster {
		if h.PersonID == personID {
			roles = append(roles, h.Role)
		}
	}
	return roles
}

// usable refuses what nobody registered and what is over.
func (s State) usable() error {
	switch {
	case s.Kind == "":
		return ErrUnknown
	case s.Closed:
		return ErrClosed
	}
	return nil
}

// lastAdministrator tells whether taking the role from the person would leave nobody to administer.
func (s State) lastAdministrator(personID, role string) bool {
	if role != Administrator(s.Kind) {
		return false
	}
	return !slices.ContainsFunc(s.Roster, func(h Held) bool { return h.Role == role && h.PersonID != personID })
}
