package person_test

import (
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/identity/internal/person"
)

type facts = []aggregate.Event

var (
	arrive = person.Provision{ID: "p-1", OrganizationID: "northwind", Name: "Ana", Email: "ana@northwind.example",
		Subject: "s-1", Issuer: "https://sso.northwind.example", Origin: person.SignIn}
	known = &identityv1.PersonProvisioned{PersonId: "p-1", OrganizationId: "northwind", Name: "Ana", Email: "ana@northwind.example",
		IdpSubject: "s-1", Issuer: "https://sso.northwind.example", Origin: "sign_in"}
	locked = &identityv1.PersonLocked{Reason: "lost laptop"}
	left   = &identityv1.PersonDeprovisioned{Reason: "left", Origin: "scim"}
	erased = &identityv1.PersonErased{KeyIds: []string{"k-1"}}
)

func given(t *testing.T, before ...aggregate.Event) *testkit.Story[person.State] {
	t.Helper()
	return testkit.Given[person.State](t, before...)
}

func TestEveryFactIsEvolved(t *testing.T) {
	testkit.EvolvesAll[person.State](t, identityv1.File_identity_v1_person_proto)
}

func TestAPersonIsProvisionedIntoOneOrganization(t *testing.T) {
	given(t).When(arrive).Then(known).When(arrive).Refused(person.ErrProvisioned)
	elsewhere := arrive
	elsewhere.OrganizationID = "bluefin"
	given(t, known).When(elsewhere).Refused(person.ErrMoves)
	given(t, known, left).When(elsewhere).Refused(person.ErrMoves)
	nameless := arrive
	nameless.Name = ""
	given(t).When(nameless).Refused(person.ErrIncomplete)
}

func TestALeaverReturnsOnlyByTheOrganization(t *testing.T) { // A5
	given(t, known, left).When(arrive).Refused(person.ErrGone)
	back := arrive
	back.Origin = person.SCIM
	again := &identityv1.PersonProvisioned{PersonId: "p-1", OrganizationId: "northwind", Name: "Ana", Email: "ana@northwind.example",
		IdpSubject: "s-1", Issuer: "https://sso.northwind.example", Origin: "scim"}
	s := given(t, known, left).When(back).Then(again).State()
	if err := s.MaySignIn(); err != nil {
		t.Fatal(err)
	}
}

func TestTheProfileFollowsTheIdentityProvider(t *testing.T) {
	was := person.Profile{Name: "Ana", Email: "ana@northwind.example"}
	now := person.Profile{Name: "Ana Novak", Email: "ana@northwind.example"}
	given(t, known).
		When(person.Change{Profile: was, Known: was}).Then(facts(nil)...).
		When(person.Change{Profile: now, Known: was}).Then(&identityv1.PersonChanged{Name: "Ana Novak", Email: "ana@northwind.example"}).
		When(person.Change{Known: was}).Refused(person.ErrIncomplete)
	given(t).When(person.Change{Profile: now}).Refused(person.ErrUnknown)
}

func TestALockBarsSignInUntilUnlocked(t *testing.T) { // A17
	s := given(t, known).When(person.Lock{}).Refused(person.ErrReason).
		When(person.Lock{Reason: "lost laptop"}).Then(locked).
		When(person.Lock{Reason: "again"}).Then(facts(nil)...)
	if err := s.State().MaySignIn(); !errors.Is(err, person.ErrLocked) {
		t.Fatal(err)
	}
	s.When(person.Unlock{}).Refused(person.ErrReason).
		When(person.Unlock{Reason: "found"}).Then(&identityv1.PersonUnlocked{Reason: "found"}).
		When(person.Unlock{Reason: "found"}).Then(facts(nil)...)
	if err := s.State().MaySignIn(); err != nil {
		t.Fatal(err)
	}
}

func TestASessionIsEndedOnce(t *testing.T) { // A17
	end := person.EndSession{SessionID: "s-1", Reason: "sign_out"}
	given(t, known).When(end).Then(&identityv1.PersonSessionEnded{SessionId: "s-1", Reason: "sign_out"}).
		When(end).Then(facts(nil)...).
		When(person.EndSession{SessionID: "s-1"}).Refused(person.ErrReason).
		When(person.EndSession{Reason: "sign_out"}).Refused(person.ErrSession)
	given(t).When(end).Refused(person.ErrUnknown)
	given(t, known, left).When(end).Then(facts(nil)...)
	many := facts{known}
	for range 200 {
		many = append(many, &identityv1.PersonSessionEnded{SessionId: "other", Reason: "sign_out"})
	}
	if n := len(aggregate.Fold(person.State{}, many...).EndedSessions); n > 64 {
		t.Fatalf("%d endings kept", n)
	}
}

func TestAllSessionsEndOrWereCompromised(t *testing.T) { // A17
	given(t, known).
		When(person.EndSessions{Reason: "policy"}).Then(&identityv1.PersonSessionsEnded{Reason: "policy"}).
		When(person.EndSessions{Reason: "malware", Compromised: true}).Then(&identityv1.PersonSessionsCompromised{Reason: "malware"}).
		When(person.SignOutUpstream{Reason: "revoked", TokenID: "j"}).Then(&identityv1.PersonSignedOutUpstream{Reason: "revoked", TokenId: "j"}).
		When(person.SignOutUpstream{}).Refused(person.ErrReason).
		When(person.EndSessions{}).Refused(person.ErrReason)
}

func TestALeaverHasNothingMoreToLose(t *testing.T) {
	for _, c := range []aggregate.Command[person.State]{
		person.Lock{Reason: "x"}, person.Unlock{Reason: "x"}, person.EndSessions{Reason: "x"}, person.Change{Profile: person.Profile{Name: "x", Email: "y"}},
	} {
		given(t, known, left).When(c).Refused(person.ErrGone)
		given(t, known, erased).When(c).Refused(person.ErrErased)
		given(t).When(c).Refused(person.ErrUnknown)
	}
	given(t, known).When(person.Deprovision{}).Refused(person.ErrReason).
		When(person.Deprovision{Reason: "left", Origin: "scim"}).Then(left).
		When(person.Deprovision{Reason: "left", Origin: "scim"}).Then(facts(nil)...)
	given(t).When(person.Deprovision{Reason: "left"}).Refused(person.ErrUnknown)
}

func TestTheErasedNeverReturn(t *testing.T) { // X7
	erase := person.Erase{Reason: "asked for it", KeyIDs: []string{"k-1"}}
	s := given(t, known).When(person.Erase{}).Refused(person.ErrReason).
		When(erase).Then(&identityv1.PersonDeprovisioned{Reason: "asked for it", Origin: "administrator"}, erased).
		When(erase).Then(facts(nil)...)
	if got := s.State(); !errors.Is(got.MaySignIn(), person.ErrErased) {
		t.Fatalf("%+v", got)
	}
	given(t, known, left).When(erase).Then(erased)
	back := arrive
	back.Origin = person.SCIM
	given(t, known, erased).When(back).Refused(person.ErrErased)
	given(t).When(erase).Refused(person.ErrUnknown)
}
