package product

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var (
	contoso = Organization{ID: "contoso", Kind: "provider"}
	paul    = Person{ID: "paul", OrganizationID: "contoso", Here: true}
	rita    = Person{ID: "rita", OrganizationID: "contoso", Here: true}
	draft   = Draft{Slug: "ledger", Name: "Ledger", Purpose: "read balances", Organization: contoso}
	version = Version{ID: "v1", ProductID: "p1", Version: "1.4.0", Published: true}
	publish = Publish{ProductID: "p1", Version: version}

	drafted    = &registryv1.ProductDrafted{Slug: "ledger", Name: "Ledger", Purpose: "read balances", OrganizationId: "contoso"}
	classified = &registryv1.ProductClassified{Class: "partner", Reason: "balances"}
	audience   = &registryv1.ProductAudienceSet{Audience: "partner", OrganizationIds: []string{"northwind"}}
	published  = &registryv1.ProductPublished{VersionId: "v1", Version: "1.4.0"}
)

func seat(seat string, p Person) *registryv1.ProductSeatAssigned {
	return &registryv1.ProductSeatAssigned{Seat: seat, PersonId: p.ID}
}

func ready() []aggregate.Event {
	return []aggregate.Event{drafted, classified, audience, seat(ProductOwner, paul), seat(APIOwner, paul), seat(ListingOwner, rita)}
}

func given(t *testing.T, facts ...aggregate.Event) *testkit.Story[State] {
	return testkit.Given[State](t, facts...)
}

func TestEveryFactIsEvolved(t *testing.T) {
	testkit.EvolvesAll[State](t, registryv1.File_registry_v1_product_proto)
}

func TestASlugIsTakenOnce(t *testing.T) {
	given(t).When(draft).Then(drafted).When(draft).Refused(ErrAlreadyDrafted)
}

func TestADraftNeedsAPlainSlugANameAPurposeAndAProvider(t *testing.T) {
	for _, bad := range []string{"", "a", "Ledger", "led ger", "-ledger", "ledger-", "led--ger", "1edger", "led/ger", "*"} {
		d := draft
		d.Slug = bad
		given(t).When(d).Refused(ErrSlug)
	}
	for want, change := range map[error]func(*Draft){
		ErrName:         func(d *Draft) { d.Name = "" },
		ErrPurpose:      func(d *Draft) { d.Purpose = "  " },
		ErrOrganization: func(d *Draft) { d.Organization = Organization{ID: "northwind", Kind: "partner"} },
	} {
		d := draft
		change(&d)
		given(t).When(d).Refused(want)
	}
}

func TestNothingHappensToAProductBeforeItIsDraftedOrAfterItIsRetired(t *testing.T) {
	for _, c := range []aggregate.Command[State]{Classify{Class: "public", Reason: "x"}, AssignSeat{Seat: APIOwner, Person: paul},
		SetAudience{Audience: "public"}, SetLimits{}, publish, Withdraw{Reason: "x"}, Retire{Reason: "x"}} {
		given(t).When(c).Refused(ErrUnknown)
		given(t, drafted, &registryv1.ProductRetired{Reason: "x"}).When(c).Refused(ErrRetired)
	}
	given(t).When(Orphan{PersonID: "paul"}).Refused(ErrUnknown)
}

// B8, B10, B15
func TestAProductIsShownOnlyByTheDecisionToPublishIt(t *testing.T) {
	s := given(t, ready()...)
	if s.State().Shown {
		t.Fatal("shown before anybody decided")
	}
	s.When(publish).Then(published)
	if !s.State().Shown {
		t.Fatal("not shown after the decision")
	}
	s.When(publish).Then()
}

// B11, B12, B13
func TestAProductIsPublishedOnlyWithClassAudienceSeatsAndAVersion(t *testing.T) {
	for missing, want := range map[int]error{1: ErrNoClass, 2: ErrNoAudience, 3: ErrSeatEmpty, 4: ErrSeatEmpty, 5: ErrSeatEmpty} {
		facts := ready()
		given(t, append(facts[:missing:missing], facts[missing+1:]...)...).When(publish).Refused(want)
	}
	for _, v := range []Version{{}, {ID: "v1", ProductID: "p1", Version: "1.4.0"}, {ID: "v1", ProductID: "p2", Version: "1.4.0", Published: true}} {
		given(t, ready()...).When(Publish{ProductID: "p1", Version: v}).Refused(ErrVersion)
	}
}

// B12
func TestASeatIsHeldByAPersonOfTheProvider(t *testing.T) {
	s := given(t, drafted)
	s.When(AssignSeat{Seat: APIOwner, Person: paul}).Then(seat(APIOwner, paul))
	s.When(AssignSeat{Seat: APIOwner, Person: rita}).Then(&registryv1.ProductSeatAssigned{Seat: APIOwner, PersonId: "rita", PreviousPersonId: "paul"})
	s.When(AssignSeat{Seat: APIOwner, Person: rita}).Then()
	s.When(AssignSeat{Seat: "king", Person: rita}).Refused(ErrSeat)
	for _, p := range []Person{{}, {ID: "ana", OrganizationID: "northwind", Here: true}, {ID: "rita", OrganizationID: "contoso"}} {
		s.When(AssignSeat{Seat: ListingOwner, Person: p}).Refused(ErrNotOfOrganization)
	}
}

// B13
func TestSeveralMayBeReviewers(t *testing.T) {
	s := given(t, drafted)
	s.When(AssignSeat{Seat: Reviewer, Person: paul}).Then(seat(Reviewer, paul))
	s.When(AssignSeat{Seat: Reviewer, Person: rita}).Then(seat(Reviewer, rita))
	s.When(AssignSeat{Seat: Reviewer, Person: rita}).Then()
	if got := s.State().Reviewers; len(got) != 2 {
		t.Fatalf("reviewers: %v", got)
	}
}

// L12
func TestALeaverOrphansTheirSeatsAndAnEmptySeatIsNotPublishedOver(t *testing.T) {
	s := given(t, append(ready(), seat(Reviewer, paul))...)
	s.When(Orphan{PersonID: "paul"}).Then(
		&registryv1.ProductOrphaned{Seat: ProductOwner, PersonId: "paul"},
		&registryv1.ProductOrphaned{Seat: APIOwner, PersonId: "paul"},
		&registryv1.ProductOrphaned{Seat: Reviewer, PersonId: "paul"})
	s.When(Orphan{PersonID: "paul"}).Then()
	s.When(publish).Refused(ErrSeatEmpty)
}

// B7, B9
func TestAnAudienceNamesPartnersByIdAndNeverByPattern(t *testing.T) {
	known := map[string]bool{"northwind": true, "fabrikam": true}
	s := given(t, drafted)
	s.When(SetAudience{Audience: "partner", Partners: []string{"northwind", "fabrikam"}, Known: known}).
		Then(&registryv1.ProductAudienceSet{Audience: "partner", OrganizationIds: []string{"fabrikam", "northwind"}})
	s.When(SetAudience{Audience: "partner", Partners: []string{"fabrikam", "northwind"}, Known: known}).Then()
	s.When(SetAudience{Audience: "partner", Partners: []string{"*"}, Known: map[string]bool{"*": true}}).Refused(ErrPartner)
	s.When(SetAudience{Audience: "partner", Partners: []string{"nobody"}, Known: known}).Refused(ErrPartner)
	s.When(SetAudience{Audience: "partner", Partners: []string{"northwind", "northwind"}, Known: known}).Refused(ErrPartner)
	s.When(SetAudience{Audience: "public", Partners: []string{"northwind"}, Known: known}).Refused(ErrAudience)
	s.When(SetAudience{Audience: "everyone"}).Refused(ErrAudience)
}

// B11
func TestASensitiveProductHasNoPublicAudience(t *testing.T) {
	given(t, drafted, &registryv1.ProductClassified{Class: "sensitive", Reason: "health"}).
		When(SetAudience{Audience: "public"}).Refused(ErrSensitive)
	given(t, drafted, &registryv1.ProductAudienceSet{Audience: "public"}).
		When(Classify{Class: "sensitive", Reason: "health"}).Refused(ErrSensitive)
	given(t, drafted).When(Classify{Class: "secret", Reason: "x"}).Refused(ErrClass)
	given(t, drafted).When(Classify{Class: "public"}).Refused(ErrReason)
	given(t, drafted).When(Classify{Class: "partner", Reason: "balances"}).Then(classified).When(Classify{Class: "partner", Reason: "again"}).Then()
}

func TestWithdrawingHidesUntilPublishedAgainAndRetiringIsFinal(t *testing.T) {
	s := given(t, ready()...)
	s.When(Withdraw{Reason: "x"}).Refused(ErrNotShown)
	s.When(publish).Then(published)
	s.When(Withdraw{Reason: "incident"}).Then(&registryv1.ProductWithdrawn{Reason: "incident"})
	s.When(publish).Then(published)
	s.When(Retire{}).Refused(ErrReason)
	s.When(Retire{Reason: "replaced"}).Then(&registryv1.ProductRetired{Reason: "replaced"})
	if s.State().Shown {
		t.Fatal("a retired product is shown")
	}
}

// B8, B12: whatever is commanded, a product that becomes visible has all it must have at that moment.
func TestNoHistoryPublishesAnUnreadyProduct(t *testing.T) {
	commands := []aggregate.Command[State]{draft, Classify{Class: "public", Reason: "x"}, Classify{Class: "sensitive", Reason: "x"},
		AssignSeat{Seat: ProductOwner, Person: paul}, AssignSeat{Seat: APIOwner, Person: rita}, AssignSeat{Seat: ListingOwner, Person: paul},
		SetAudience{Audience: "public"}, SetAudience{Audience: "internal"}, publish, Withdraw{Reason: "x"}, Orphan{PersonID: "paul"}}
	rapid.Check(t, func(t *rapid.T) {
		var s State
		for range rapid.IntRange(1, 24).Draw(t, "steps") {
			was := s
			facts, _ := rapid.SampledFrom(commands).Draw(t, "command").Decide(s)
			s = aggregate.Fold(s, facts...)
			if s.Shown && !was.Shown && (s.Class == "" || s.Audience == "" || len(s.Holders) != 3 || s.VersionID == "") {
				t.Fatalf("published unready: %+v", s)
			}
			if s.Class == "sensitive" && s.Audience == "public" {
				t.Fatal("a sensitive product for everyone")
			}
		}
	})
}

// E4
func TestLimitsHaveNamesAndBounds(t *testing.T) {
	day, burst := Limit{"day", "organization", 10_000, 86_400}, Limit{"burst", "application", 50, 1}
	s := given(t, drafted)
	fact := &registryv1.ProductLimitsSet{Limits: []*registryv1.Limit{{Name: "day", Per: "organization", Calls: 10_000, WindowSeconds: 86_400},
		{Name: "burst", Per: "application", Calls: 50, WindowSeconds: 1}}}
	s.When(SetLimits{}).Then().When(SetLimits{[]Limit{day, burst}}).Then(fact).When(SetLimits{[]Limit{day, burst}}).Then()
	s.When(SetLimits{}).Then(&registryv1.ProductLimitsSet{})
	for _, bad := range []Limit{{}, {"Day", "application", 1, 1}, {"day", "person", 1, 1}, {"day", "application", 0, 1}, {"day", "application", 1, 0},
		{"day", "application", 1, 32 * 86_400}, {"day", "application", 2_000_000_000, 1}, {`day";q=1`, "application", 1, 1}} {
		s.When(SetLimits{[]Limit{bad}}).Refused(ErrLimit)
	}
	s.When(SetLimits{[]Limit{day, day}}).Refused(ErrLimit)
	s.When(SetLimits{make([]Limit, 5)}).Refused(ErrLimit)
}
