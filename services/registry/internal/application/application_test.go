package application

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var (
	northwind = Organization{ID: "northwind", Kind: "partner", Open: true}
	ana       = Person{ID: "ana", OrganizationID: "northwind", Here: true}
	ben       = Person{ID: "ben", OrganizationID: "northwind", Here: true}
	cleo      = Person{ID: "cleo", OrganizationID: "northwind", Here: true}

	register = Register{Name: "Ledger Sync", Purpose: "nightly reconciliation", Environment: "sandbox",
		Organization: northwind, Owner: ana, BackupOwner: ben}
	registered = &registryv1.ApplicationRegistered{Name: "Ledger Sync", Purpose: "nightly reconciliation",
		Environment: "sandbox", OrganizationId: "northwind", OwnerId: "ana", BackupOwnerId: "ben"}
	left     = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	orphaned = &registryv1.ApplicationOrphaned{Seat: Owner, PersonId: "ana", TransferBefore: timestamppb.New(left.Add(TimeToTransfer))}
)

func given(t *testing.T, facts ...aggregate.Event) *testkit.Story[State] {
	return testkit.Given[State](t, facts...)
}

func TestEveryFactIsEvolved(t *testing.T) {
	testkit.EvolvesAll[State](t, registryv1.File_registry_v1_application_proto)
}

// B1
func TestAnApplicationIsRegisteredOnce(t *testing.T) {
	given(t).When(register).Then(registered).When(register).Refused(ErrAlreadyRegistered)
}

// B1
func TestNothingHappensToAnApplicationBeforeItIsRegistered(t *testing.T) {
	for _, c := range []aggregate.Command[State]{AssignOwner{Seat: Owner, Person: ana}, Orphan{PersonID: "ana", LeftAt: left},
		Suspend{Reason: "x"}, Resume{Reason: "x"}, Disable{Reason: "x"}, Enable{Reason: "x"}, Offboard{Reason: "x"}} {
		given(t).When(c).Refused(ErrUnknown)
	}
}

// B2, L12
func TestAnApplicationHasTwoDifferentOwnersOfItsOrganisation(t *testing.T) {
	stranger := Person{ID: "sam", OrganizationID: "fabrikam", Here: true}
	gone := Person{ID: "gil", OrganizationID: "northwind"}
	for name, c := range map[string]struct {
		owner, backup Person
		want          error
	}{
		"nobody":                  {Person{}, Person{}, ErrTwoOwners},
		"one":                     {ana, Person{}, ErrTwoOwners},
		"the same twice":          {ana, ana, ErrTwoOwners},
		"another organisation's":  {ana, stranger, ErrNotOfOrganization},
		"somebody who has left":   {gone, ana, ErrNotOfOrganization},
		"somebody of no known id": {ana, Person{ID: "ghost"}, ErrNotOfOrganization},
	} {
		t.Run(name, func(t *testing.T) {
			r := register
			r.Owner, r.BackupOwner = c.owner, c.backup
			given(t).When(r).Refused(c.want)
		})
	}
}

// B4
func TestAnApplicationBelongsToAnOpenPartner(t *testing.T) {
	for _, o := range []Organization{{}, {ID: "us", Kind: "provider", Open: true}, {ID: "northwind", Kind: "partner"}} {
		r := register
		r.Organization = o
		given(t).When(r).Refused(ErrOrganization)
	}
}

// B4
func TestAnApplicationNeedsANameAPurposeAndAnEnvironment(t *testing.T) {
	for want, change := range map[error]func(*Register){
		ErrName:        func(r *Register) { r.Name = " " },
		ErrPurpose:     func(r *Register) { r.Purpose = strings.Repeat("x", 2001) },
		ErrEnvironment: func(r *Register) { r.Environment = "staging" },
	} {
		r := register
		change(&r)
		given(t).When(r).Refused(want)
	}
}

// L12
func TestASeatIsHandedOver(t *testing.T) {
	s := given(t, registered).When(AssignOwner{Seat: Owner, Person: cleo}).
		Then(&registryv1.ApplicationOwnerAssigned{Seat: Owner, PersonId: "cleo", PreviousPersonId: "ana"})
	s.When(AssignOwner{Seat: BackupOwner, Person: cleo}).Refused(ErrTwoOwners)
	s.When(AssignOwner{Seat: "sponsor", Person: ana}).Refused(ErrSeat)
	s.When(AssignOwner{Seat: Owner, Person: Person{}}).Refused(ErrNotOfOrganization)
	s.When(AssignOwner{Seat: Owner, Person: cleo}).Then()
}

// B3
func TestALeaverOrphansTheirSeatOnceAndASuccessorEndsThat(t *testing.T) {
	s := given(t, registered).When(Orphan{PersonID: "ana", LeftAt: left}).Then(orphaned)
	if got := s.State().Accountable(); len(got) != 1 || got[0] != "ben" {
		t.Fatalf("accountable: %v", got)
	}
	s.When(Orphan{PersonID: "ana", LeftAt: left}).Then()
	s.When(Orphan{PersonID: "cleo"}).Then()
	s.When(AssignOwner{Seat: Owner, Person: cleo}).
		Then(&registryv1.ApplicationOwnerAssigned{Seat: Owner, PersonId: "cleo", PreviousPersonId: "ana"})
	if got := s.State().Accountable(); len(got) != 2 {
		t.Fatalf("accountable: %v", got)
	}
}

// B3
func TestAReturnedOwnerIsNamedAnew(t *testing.T) {
	given(t, registered, orphaned).When(AssignOwner{Seat: Owner, Person: ana}).
		Then(&registryv1.ApplicationOwnerAssigned{Seat: Owner, PersonId: "ana", PreviousPersonId: "ana"})
}

func TestSuspendingIsLiftedByResumingAndDisablingByEnabling(t *testing.T) {
	s := given(t, registered)
	s.When(Resume{Reason: "x"}).Refused(ErrNotSuspended)
	s.When(Enable{Reason: "x"}).Refused(ErrNotDisabled)
	s.When(Suspend{Reason: "audit"}).Then(&registryv1.ApplicationSuspended{Reason: "audit"})
	s.When(Suspend{Reason: "audit"}).Refused(ErrSuspended)
	s.When(Disable{Reason: "leak"}).Then(&registryv1.ApplicationDisabled{Reason: "leak"})
	s.When(Disable{Reason: "leak"}).Refused(ErrDisabled)
	s.When(Enable{Reason: "fixed"}).Then(&registryv1.ApplicationEnabled{Reason: "fixed"})
	if !s.State().Suspended {
		t.Fatal("enabling lifted the suspension")
	}
	s.When(Resume{Reason: "done"}).Then(&registryv1.ApplicationResumed{Reason: "done"})
	s.When(Suspend{}).Refused(ErrReason)
}

func TestWhatTheProviderImposedItsOrganisationCannotLift(t *testing.T) {
	s := given(t, registered)
	s.When(Suspend{Reason: "x", Imposed: true}).Then(&registryv1.ApplicationSuspended{Reason: "x", Imposed: true})
	s.When(Resume{Reason: "x"}).Refused(ErrImposed)
	s.When(Resume{Reason: "x", ByProvider: true}).Then(&registryv1.ApplicationResumed{Reason: "x"})
	s.When(Disable{Reason: "x", Imposed: true}).Then(&registryv1.ApplicationDisabled{Reason: "x", Imposed: true})
	s.When(Enable{Reason: "x"}).Refused(ErrImposed)
	s.When(Enable{Reason: "x", ByProvider: true}).Then(&registryv1.ApplicationEnabled{Reason: "x"})
	s.When(Suspend{Reason: "y"}).Then(&registryv1.ApplicationSuspended{Reason: "y"})
	s.When(Resume{Reason: "y"}).Then(&registryv1.ApplicationResumed{Reason: "y"})
}

// B3
func TestAnApplicationThatLostAnOwnerIsNotBroughtBack(t *testing.T) {
	given(t, registered, orphaned, &registryv1.ApplicationSuspended{Reason: "no owner"}).
		When(Resume{Reason: "please"}).Refused(ErrOrphaned)
	given(t, registered, orphaned, &registryv1.ApplicationDisabled{Reason: "no owner"}).
		When(Enable{Reason: "please"}).Refused(ErrOrphaned)
}

// B3, L12
func TestWithoutASuccessorInTimeTheApplicationIsSuspended(t *testing.T) {
	due := Lapse{Now: left.Add(TimeToTransfer)}
	s := given(t, registered, orphaned)
	s.When(Lapse{Now: left.Add(TimeToTransfer - time.Second)}).Then()
	s.When(due).Then(&registryv1.ApplicationSuspended{Reason: "no successor of an owner was named in time"})
	s.When(due).Then()
	s.When(Resume{Reason: "please"}).Refused(ErrOrphaned)
	s.When(AssignOwner{Seat: Owner, Person: cleo}).Then(&registryv1.ApplicationOwnerAssigned{Seat: Owner, PersonId: "cleo", PreviousPersonId: "ana"})
	s.When(Resume{Reason: "cleo owns it"}).Then(&registryv1.ApplicationResumed{Reason: "cleo owns it"})
	s.When(due).Then()
	given(t, registered).When(due).Then()
	given(t).When(due).Refused(ErrUnknown)
	given(t, registered, orphaned, &registryv1.ApplicationOffboarded{}).When(due).Then()
}

// D9
func TestOffboardingIsFinal(t *testing.T) {
	s := given(t, registered).When(Offboard{Reason: "contract ended"}).Then(&registryv1.ApplicationOffboarded{Reason: "contract ended"})
	for _, c := range []aggregate.Command[State]{AssignOwner{Seat: Owner, Person: cleo}, Suspend{Reason: "x"}, Resume{Reason: "x"},
		Disable{Reason: "x"}, Enable{Reason: "x"}, Offboard{Reason: "x"}} {
		s.When(c).Refused(ErrOffboarded)
	}
}

// B2, L12: whatever is commanded, a registered application has two different names in its seats.
func TestNoHistoryLeavesAnApplicationWithoutTwoNamedOwners(t *testing.T) {
	people := []Person{ana, ben, cleo, {ID: "sam", OrganizationID: "fabrikam", Here: true}, {ID: "gil", OrganizationID: "northwind"}, {}}
	rapid.Check(t, func(t *rapid.T) {
		person := rapid.SampledFrom(people)
		seat := rapid.SampledFrom([]string{Owner, BackupOwner, "sponsor"})
		var s State
		for i := range rapid.IntRange(1, 16).Draw(t, "steps") {
			var c aggregate.Command[State]
			switch rapid.IntRange(0, 6).Draw(t, fmt.Sprint("step", i)) {
			case 0:
				r := register
				r.Owner, r.BackupOwner = person.Draw(t, "owner"), person.Draw(t, "backup")
				c = r
			case 1, 2:
				c = AssignOwner{Seat: seat.Draw(t, "seat"), Person: person.Draw(t, "person")}
			case 3:
				c = Orphan{PersonID: person.Draw(t, "leaver").ID}
			case 4:
				c = Disable{Reason: "x"}
			case 5:
				c = Enable{Reason: "x"}
			case 6:
				c = Suspend{Reason: "x"}
			}
			facts, _ := c.Decide(s)
			s = aggregate.Fold(s, facts...)
			if s.Registered && (s.Holders[Owner] == "" || s.Holders[BackupOwner] == "" || s.Holders[Owner] == s.Holders[BackupOwner] || len(s.Holders) != 2) {
				t.Fatalf("owners: %v", s.Holders)
			}
		}
	})
}
