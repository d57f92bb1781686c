package organization_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
)

type facts = []aggregate.Event

var (
	now     = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	partner = &identityv1.OrganizationRegistered{OrganizationId: "northwind", Name: "Northwind", Kind: "partner"}
	house   = &identityv1.OrganizationRegistered{OrganizationId: "harbour", Name: "Harbour Bank", Kind: "provider"}
	closed  = &identityv1.OrganizationClosed{Reason: "contract ended"}
	signOn  = &identityv1.OrganizationSingleSignOnConfigured{Issuer: "https://sso.northwind.example", ClientId: "chancery",
		Domains: []string{"northwind.example"}, GroupRoles: map[string]string{"admins": "org_admin", "owners": "app_owner", "all": "viewer"}}
)

func given(t *testing.T, before ...aggregate.Event) *testkit.Story[organization.State] {
	t.Helper()
	return testkit.Given[organization.State](t, before...)
}

func holds(person, role, origin string) *identityv1.OrganizationRoleGranted {
	return &identityv1.OrganizationRoleGranted{PersonId: person, Role: role, Origin: origin}
}

func TestEveryFactIsEvolved(t *testing.T) {
	testkit.EvolvesAll[organization.State](t, identityv1.File_identity_v1_organization_proto, partner, holds("x", "x", "x"))
}

func TestAnOrganizationIsRegisteredOnce(t *testing.T) {
	ends := now.Add(365 * 24 * time.Hour)
	given(t).
		When(organization.Register{ID: "northwind", Name: " Northwind ", Kind: "partner", Contract: "C-7", ContractEndsAt: ends, Now: now}).
		Then(&identityv1.OrganizationRegistered{OrganizationId: "northwind", Name: "Northwind", Kind: "partner", Contract: "C-7",
			ContractEndsAt: timestamppb.New(ends)}).
		When(organization.Register{ID: "northwind", Name: "Other", Kind: "partner", Now: now}).
		Refused(organization.ErrRegistered)
	for want, c := range map[error]organization.Register{
		organization.ErrKind:        {Name: "X", Kind: "vendor", Now: now},
		organization.ErrName:        {Name: "  ", Kind: "partner", Now: now},
		organization.ErrContractEnd: {Name: "X", Kind: "partner", ContractEndsAt: now, Now: now},
	} {
		given(t).When(c).Refused(want)
	}
	given(t).When(organization.Register{ID: organization.ProviderID, Name: "X", Kind: "provider", ContractEndsAt: ends, Now: now}).Refused(organization.ErrContractEnd)
	given(t).When(organization.Register{ID: "another", Name: "X", Kind: "provider", Now: now}).Refused(organization.ErrKind)
	given(t).When(organization.Register{ID: organization.ProviderID, Name: "X", Kind: "partner", Now: now}).Refused(organization.ErrKind)
}

func TestAClosedOrganizationDecidesNothingMore(t *testing.T) {
	for _, c := range []aggregate.Command[organization.State]{
		organization.Verify{Method: "register", Evidence: "x"}, organization.Suspend{Reason: "x"}, organization.Resume{},
		organization.GrantRole{PersonID: "ana", Role: "viewer"}, organization.RevokeRole{PersonID: "ana", Role: "viewer", Reason: "x"},
		organization.SyncClaims{PersonID: "ana"}, organization.AppointFirstAdministrator{PersonID: "ana"}, organization.ConfigureSingleSignOn{},
	} {
		given(t, partner, closed).When(c).Refused(organization.ErrClosed)
		given(t).When(c).Refused(organization.ErrUnknown)
	}
	given(t, partner).When(organization.Close{Reason: "over"}).Then(&identityv1.OrganizationClosed{Reason: "over"}).
		When(organization.Close{Reason: "again"}).Then(facts(nil)...)
	given(t).When(organization.Close{Reason: "over"}).Refused(organization.ErrUnknown)
	given(t, partner).When(organization.Close{}).Refused(organization.ErrReason)
}

func TestTheProviderIsNeitherSuspendedNorClosed(t *testing.T) {
	given(t, house).When(organization.Suspend{Reason: "x"}).Refused(organization.ErrProvider)
	given(t, house).When(organization.Close{Reason: "x"}).Refused(organization.ErrProvider)
}

func TestASuspensionIsLifted(t *testing.T) {
	given(t, partner).
		When(organization.Suspend{Reason: "incident"}).Then(&identityv1.OrganizationSuspended{Reason: "incident"}).
		When(organization.Suspend{Reason: "incident"}).Then(facts(nil)...).
		When(organization.Resume{Reason: "cleared"}).Then(&identityv1.OrganizationResumed{Reason: "cleared"}).
		When(organization.Resume{Reason: "cleared"}).Then(facts(nil)...)
	given(t, partner).When(organization.Suspend{}).Refused(organization.ErrReason)
}

func TestAVerificationNamesItsEvidence(t *testing.T) { // A9
	given(t, partner).When(organization.Verify{Method: "register"}).Refused(organization.ErrEvidence).
		When(organization.Verify{Method: "register", Evidence: "HRB 1234"}).
		Then(&identityv1.OrganizationVerified{Method: "register", Evidence: "HRB 1234"}).
		When(organization.Verify{Method: "register", Evidence: "HRB 1234"}).Then(facts(nil)...)
}

func single(change func(*organization.SingleSignOn)) organization.ConfigureSingleSignOn {
	c := organization.ConfigureSingleSignOn{SingleSignOn: organization.SingleSignOn{Issuer: signOn.Issuer, ClientID: "chancery",
		Domains: []string{"northwind.example"}, GroupRoles: signOn.GroupRoles}}
	if change != nil {
		change(&c.SingleSignOn)
	}
	return c
}

func TestSingleSignOnIsConfigured(t *testing.T) { // A1
	given(t, partner).
		When(single(func(s *organization.SingleSignOn) { s.Domains = []string{"Northwind.example ", "northwind.example"} })).Then(signOn).
		When(single(nil)).Then(facts(nil)...)
	for _, issuer := range []string{"", "http://sso.example", "ftp://sso.example", "https://sso.example?x=1", "https://sso.example/#a", "https://a:b@sso.example", "https:///x"} {
		given(t, partner).When(single(func(s *organization.SingleSignOn) { s.Issuer = issuer })).Refused(organization.ErrIssuer)
	}
	for _, domain := range []string{"", "localhost", "*.example", "a b.example", "-a.example", "https://a.example"} {
		given(t, partner).When(single(func(s *organization.SingleSignOn) { s.Domains = []string{domain} })).Refused(organization.ErrDomains)
	}
	given(t, partner).When(single(func(s *organization.SingleSignOn) { s.Domains = nil })).Refused(organization.ErrDomains)
	given(t, partner).When(single(func(s *organization.SingleSignOn) { s.ClientID = "" })).Refused(organization.ErrClientID)
	given(t, partner).When(single(func(s *organization.SingleSignOn) { s.GroupRoles = map[string]string{"": "viewer"} })).Refused(organization.ErrGroups)
	given(t, partner).When(single(func(s *organization.SingleSignOn) { s.Issuer = "http://127.0.0.1:8090/northwind" })).
		Then(&identityv1.OrganizationSingleSignOnConfigured{Issuer: "http://127.0.0.1:8090/northwind", ClientId: "chancery",
			Domains: signOn.Domains, GroupRoles: signOn.GroupRoles})
}

func TestARoleBelongsToOneTier(t *testing.T) { // A15
	for _, role := range organization.Roles(organization.Provider) {
		if role == "viewer" {
			continue
		}
		given(t, partner).When(organization.GrantRole{PersonID: "ana", Role: role}).Refused(organization.ErrForeignRole)
		given(t, partner).When(single(func(s *organization.SingleSignOn) { s.GroupRoles = map[string]string{"g": role} })).Refused(organization.ErrForeignRole)
	}
	for _, role := range []string{"org_admin", "app_owner", "root", ""} {
		given(t, house).When(organization.GrantRole{PersonID: "ana", Role: role}).Refused(organization.ErrForeignRole)
	}
}

func TestARoleIsGrantedOnceAndTakenOnce(t *testing.T) { // A6
	given(t, partner).
		When(organization.GrantRole{PersonID: "ana", Role: "viewer"}).Then(holds("ana", "viewer", "manual")).
		When(organization.GrantRole{PersonID: "ana", Role: "viewer"}).Then(facts(nil)...).
		When(organization.RevokeRole{PersonID: "ana", Role: "viewer"}).Refused(organization.ErrReason).
		When(organization.RevokeRole{PersonID: "ana", Role: "viewer", Reason: "moved"}).
		Then(&identityv1.OrganizationRoleRevoked{PersonId: "ana", Role: "viewer", Reason: "moved"}).
		When(organization.RevokeRole{PersonID: "ana", Role: "viewer", Reason: "moved"}).Then(facts(nil)...)
	given(t, partner).When(organization.GrantRole{Role: "viewer"}).Refused(organization.ErrPerson)
}

func TestTheLastAdministratorStays(t *testing.T) {
	two := facts{house, holds("ana", "platform_admin", "manual"), holds("bea", "platform_admin", "manual")}
	revoke := organization.RevokeRole{PersonID: "ana", Role: "platform_admin", Reason: "moved"}
	given(t, two...).When(revoke).Then(&identityv1.OrganizationRoleRevoked{PersonId: "ana", Role: "platform_admin", Reason: "moved"}).
		When(organization.RevokeRole{PersonID: "bea", Role: "platform_admin", Reason: "moved"}).Refused(organization.ErrLastAdmin)
	given(t, partner, signOn, holds("ana", "org_admin", "claim"), holds("ana", "viewer", "claim")).
		When(organization.SyncClaims{PersonID: "ana"}).
		Then(&identityv1.OrganizationRoleRevoked{PersonId: "ana", Role: "viewer", Reason: "the identity provider no longer asserts it"})
}

func TestRolesFollowTheClaims(t *testing.T) { // A5
	stale := func(role string) aggregate.Event {
		return &identityv1.OrganizationRoleRevoked{PersonId: "ana", Role: role, Reason: "the identity provider no longer asserts it"}
	}
	given(t, partner, signOn).
		When(organization.SyncClaims{PersonID: "ana", Groups: []string{"owners", "all", "unmapped", "owners"}}).
		Then(holds("ana", "app_owner", "claim"), holds("ana", "viewer", "claim")).
		When(organization.SyncClaims{PersonID: "ana", Groups: []string{"all", "owners"}}).Then(facts(nil)...).
		When(organization.RevokeRole{PersonID: "ana", Role: "viewer", Reason: "x"}).Refused(organization.ErrFromClaim).
		When(organization.SyncClaims{PersonID: "ana", Groups: []string{"all"}}).Then(stale("app_owner")).
		When(organization.SyncClaims{PersonID: "bea"}).Then(facts(nil)...).
		When(organization.SyncClaims{PersonID: "ana"}).Then(stale("viewer"))
	given(t, partner, signOn, holds("ana", "app_owner", "manual")).
		When(organization.SyncClaims{PersonID: "ana"}).Then(facts(nil)...)
	given(t, partner, signOn).When(organization.SyncClaims{Groups: []string{"all"}}).Refused(organization.ErrPerson)
}

func TestTheFirstAdministratorIsAppointedOnce(t *testing.T) {
	given(t, house).
		When(organization.AppointFirstAdministrator{PersonID: "ana"}).Then(holds("ana", "platform_admin", "manual")).
		When(organization.AppointFirstAdministrator{PersonID: "bea"}).Refused(organization.ErrAdministered)
	given(t, house, holds("ana", "platform_admin", "claim"), &identityv1.OrganizationRoleRevoked{PersonId: "ana", Role: "platform_admin"}).
		When(organization.AppointFirstAdministrator{PersonID: "bea"}).Refused(organization.ErrAdministered)
	given(t, house).When(organization.AppointFirstAdministrator{}).Refused(organization.ErrPerson)
}

func TestALeaverIsReleasedFromEveryRole(t *testing.T) { // A5
	given(t, partner, signOn, holds("ana", "org_admin", "manual"), holds("bea", "viewer", "claim"), holds("ana", "viewer", "claim"), closed).
		When(organization.Release{PersonID: "ana", Reason: "left"}).
		Then(&identityv1.OrganizationRoleRevoked{PersonId: "ana", Role: "org_admin", Reason: "left"},
			&identityv1.OrganizationRoleRevoked{PersonId: "ana", Role: "viewer", Reason: "left"}).
		When(organization.Release{PersonID: "ana", Reason: "left"}).Then(facts(nil)...)
}

func TestAStateFoldedEarlierStaysWhatItWas(t *testing.T) {
	s := aggregate.Fold(organization.State{}, partner, holds("ana", "viewer", "manual"), holds("bea", "viewer", "manual"))
	after := s.Evolve(&identityv1.OrganizationRoleRevoked{PersonId: "ana", Role: "viewer"})
	if len(s.RolesOf("ana")) != 1 || len(after.RolesOf("ana")) != 0 || len(after.RolesOf("bea")) != 1 || after.OrganizationID() != "northwind" {
		t.Fatalf("%+v then %+v", s.Roster, after.Roster)
	}
}
