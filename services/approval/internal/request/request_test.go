package request

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

var (
	now      = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	deadline = now.Add(14 * 24 * time.Hour)
	world    = World{
		Application:  Application{ID: "app", OrganizationID: "northwind", Environment: "production", Owners: []string{"ana", "ben"}, Active: true},
		Organization: Organization{Open: true, Verified: true},
		Product:      Product{ID: "ledger", Class: "partner", Offered: true, Scopes: []string{"accounts:read", "payments:write"}},
	}
	content = &approvalv1.Content{ApplicationId: "app", OrganizationId: "northwind", ProductId: "ledger", Scopes: []string{"accounts:read"},
		Environment: "production", DurationSeconds: 30 * 24 * 3600, Class: "partner"}
	two = []*approvalv1.Clause{{Seat: OrganizationAdmin, Quorum: 1}, {Seat: ProductReviewer, Quorum: 1}}
)

func submit(clauses ...*approvalv1.Clause) Submit {
	return Submit{World: world, RequesterID: "ana", Scopes: []string{"accounts:read"}, Duration: 30 * 24 * time.Hour,
		Justification: "nightly reconciliation", Clauses: clauses, Policy: "standard/1", Now: now, DecideBefore: deadline}
}

func submitted(clauses ...*approvalv1.Clause) *approvalv1.RequestSubmitted {
	return &approvalv1.RequestSubmitted{Content: content, ContentDigest: Digest(content), Justification: "nightly reconciliation",
		Clauses: clauses, Policy: "standard/1", ApplicationId: "app", OrganizationId: "northwind",
		DecideBefore: timestamppb.New(deadline), BarredPersonIds: []string{"ana", "ben"}, RequesterId: "ana"}
}

func review(person, seat string) Review {
	return Review{Seat: seat, ReviewerID: person, Verdict: "approve", Digest: Digest(content), Authority: []string{seat}, World: world, Now: now}
}

func reviewed(person, seat, verdict, comment string) *approvalv1.RequestReviewed {
	return &approvalv1.RequestReviewed{Seat: seat, Verdict: verdict, ContentDigest: Digest(content), ReviewerId: person, Comment: comment}
}

func given(t *testing.T, facts ...aggregate.Event) *testkit.Story[State] {
	return testkit.Given[State](t, facts...)
}

func TestEveryFactIsEvolved(t *testing.T) {
	testkit.EvolvesAll[State](t, approvalv1.File_approval_v1_request_proto)
}

// C2
func TestARequestIsSubmittedOnce(t *testing.T) {
	given(t).When(submit(two...)).Then(submitted(two...)).When(submit(two...)).Refused(ErrAlreadySubmitted)
}

func TestNothingHappensToARequestBeforeItIsSubmitted(t *testing.T) {
	for _, c := range []aggregate.Command[State]{review("rita", ProductReviewer), Withdraw{PersonID: "ana"}, Withdraw{}, Expire{Now: deadline}} {
		given(t).When(c).Refused(ErrUnknown)
	}
}

// A9, B1, B2, B7, C1, C2, C6
func TestARequestIsRefusedUnlessAllItNeedsIsTrue(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Submit)
		want   error
	}{
		"no application":          {func(c *Submit) { c.World.Application.ID = "" }, ErrApplication},
		"inactive application":    {func(c *Submit) { c.World.Application.Active = false }, ErrApplication},
		"orphaned application":    {func(c *Submit) { c.World.Application.Owners = []string{"ana"} }, ErrApplication},
		"closed organisation":     {func(c *Submit) { c.World.Organization.Open = false }, ErrOrganization},
		"unverified organisation": {func(c *Submit) { c.World.Organization.Verified = false }, ErrNotVerified},
		"not an owner":            {func(c *Submit) { c.RequesterID = "cleo" }, ErrNotOwner},
		"product not offered":     {func(c *Submit) { c.World.Product.Offered = false }, ErrProduct},
		"no scopes":               {func(c *Submit) { c.Scopes = nil }, ErrNoScopes},
		"wildcard":                {func(c *Submit) { c.Scopes = []string{"*"} }, ErrScope},
		"wildcard in the product": {func(c *Submit) { c.Scopes, c.World.Product.Scopes = []string{"a:*"}, []string{"a:*"} }, ErrScope},
		"prefix":                  {func(c *Submit) { c.Scopes = []string{"accounts"} }, ErrScope},
		"scope twice":             {func(c *Submit) { c.Scopes = []string{"accounts:read", "accounts:read"} }, ErrScope},
		"no end":                  {func(c *Submit) { c.Duration = 0 }, ErrDuration},
		"too long":                {func(c *Submit) { c.Duration = 181 * 24 * time.Hour }, ErrDuration},
		"no justification":        {func(c *Submit) { c.Justification = "   because   " }, ErrJustification},
		"no deadline":             {func(c *Submit) { c.DecideBefore = now }, ErrDeadline},
	} {
		t.Run(name, func(t *testing.T) {
			s := submit(two...)
			c.change(&s)
			given(t).When(s).Refused(c.want)
		})
	}
}

func TestASandboxNeedsNoVerifiedOrganisation(t *testing.T) {
	s := submit(two...)
	s.World.Organization.Verified, s.World.Application.Environment = false, "sandbox"
	if facts, err := s.Decide(State{}); err != nil || len(facts) != 1 {
		t.Fatal(facts, err)
	}
}

// L7
func TestAClauseThatNobodyOrAnybodyCouldMeetIsRefused(t *testing.T) {
	for _, clauses := range [][]*approvalv1.Clause{
		{{Seat: ProductReviewer, Quorum: 0}},
		{{Seat: "friend", Quorum: 1}},
		{{Seat: "", Quorum: 1}},
		{{Seat: ProductReviewer, Quorum: 1}, {Seat: ProductReviewer, Quorum: 1}},
	} {
		given(t).When(submit(clauses...)).Refused(ErrQuorum)
	}
}

// C4
func TestWithoutClausesThePolicyDecidesAlone(t *testing.T) {
	given(t).When(submit()).Then(submitted(), &approvalv1.RequestApproved{ContentDigest: Digest(content), Content: content})
}

// C1, C3
func TestApprovalFollowsWhenEveryClauseIsMetAndOnlyThen(t *testing.T) {
	s := given(t, submitted(two...))
	s.When(review("omar", OrganizationAdmin)).Then(reviewed("omar", OrganizationAdmin, "approve", ""))
	if missing := s.State().Missing(); len(missing) != 1 || missing[0].Seat != ProductReviewer {
		t.Fatalf("missing: %v", missing)
	}
	s.When(review("rita", ProductReviewer)).Then(reviewed("rita", ProductReviewer, "approve", ""),
		&approvalv1.RequestApproved{ContentDigest: Digest(content), ReviewerIds: []string{"omar", "rita"}, Content: content})
	s.When(review("sol", ProductReviewer)).Refused(ErrNotPending)
}

// C3, L7
func TestTheRequesterAndTheOwnersAreBarredFromEverySeat(t *testing.T) {
	for _, seat := range []string{OrganizationAdmin, ProductReviewer} {
		given(t, submitted(two...)).When(review("ana", seat)).Refused(ErrRequester)
		given(t, submitted(two...)).When(review("ben", seat)).Refused(ErrOwner)
	}
}

// C3, L7
func TestOneHumanNeverFillsTwoSeats(t *testing.T) {
	given(t, submitted(two...), reviewed("omar", OrganizationAdmin, "approve", "")).
		When(review("omar", ProductReviewer)).Refused(ErrReviewedBefore)
	n := []*approvalv1.Clause{{Seat: ProductReviewer, Quorum: 2}}
	s := given(t, submitted(n...))
	s.When(review("rita", ProductReviewer)).Then(reviewed("rita", ProductReviewer, "approve", ""))
	s.When(review("rita", ProductReviewer)).Refused(ErrReviewedBefore)
}

// L7
func TestAReviewOfOtherContentThanTheRequestsIsRefused(t *testing.T) {
	r := review("rita", ProductReviewer)
	r.Digest = Digest(&approvalv1.Content{ApplicationId: "app"})
	given(t, submitted(two...)).When(r).Refused(ErrStale)
	r.Digest = ""
	given(t, submitted(two...)).When(r).Refused(ErrStale)
}

// A7, C3
func TestASeatIsTakenOnlyWithTheAuthorityForItAtThatMoment(t *testing.T) {
	r := review("rita", ProductReviewer)
	r.Authority = []string{OrganizationAdmin, SecurityReviewer}
	given(t, submitted(two...)).When(r).Refused(ErrNotEligible)
	r.Authority = nil
	given(t, submitted(two...)).When(r).Refused(ErrNotEligible)
	given(t, submitted(two...)).When(review("", ProductReviewer)).Refused(ErrNotEligible)
	given(t, submitted(two...)).When(review("sol", SecurityReviewer)).Refused(ErrSeat)
	given(t, submitted(two...), reviewed("omar", OrganizationAdmin, "approve", "")).
		When(review("oda", OrganizationAdmin)).Refused(ErrSeatFilled)
}

// A5, X5
func TestTheReviewOfSomebodyWhoLeftNoLongerCounts(t *testing.T) {
	voided := &approvalv1.RequestReviewVoided{Seat: OrganizationAdmin, ReviewerId: "omar"}
	s := given(t, submitted(two...), reviewed("omar", OrganizationAdmin, "approve", ""))
	late := review("rita", ProductReviewer)
	late.Gone = []string{"omar"}
	s.When(late).Then(voided, reviewed("rita", ProductReviewer, "approve", ""))
	if missing := s.State().Missing(); len(missing) != 1 || missing[0].Seat != OrganizationAdmin {
		t.Fatalf("missing: %v", missing)
	}
	s.When(review("oda", OrganizationAdmin)).Then(reviewed("oda", OrganizationAdmin, "approve", ""),
		&approvalv1.RequestApproved{ContentDigest: Digest(content), ReviewerIds: []string{"rita", "oda"}, Content: content})
	s.When(Void{Gone: []string{"oda"}}).Then()
	given(t).When(Void{Gone: []string{"omar"}}).Refused(ErrUnknown)
	given(t, submitted(two...), reviewed("omar", OrganizationAdmin, "approve", "")).When(Void{Gone: []string{"rita", "omar"}}).Then(voided).
		When(Void{Gone: []string{"omar"}}).Then()
}

// C5
func TestADenialNeedsAReasonAndEndsTheRequest(t *testing.T) {
	r := review("rita", ProductReviewer)
	r.Verdict = "deny"
	s := given(t, submitted(two...), reviewed("omar", OrganizationAdmin, "approve", ""))
	s.When(r).Refused(ErrComment)
	r.Comment = "ask for fewer scopes"
	s.When(r).Then(reviewed("rita", ProductReviewer, "deny", r.Comment), &approvalv1.RequestDenied{ContentDigest: Digest(content), Reason: r.Comment})
	s.When(review("sol", ProductReviewer)).Refused(ErrNotPending)
	s.When(Withdraw{PersonID: "ana"}).Refused(ErrNotPending)
	r.Verdict = "maybe"
	given(t, submitted(two...)).When(r).Refused(ErrVerdict)
}

// C1, D9
func TestNobodyApprovesWhatCouldNotBeGivenAnyMore(t *testing.T) {
	for want, change := range map[error]func(*World){
		ErrApplication:  func(w *World) { w.Application.Active = false },
		ErrOrganization: func(w *World) { w.Organization.Open = false },
		ErrNotVerified:  func(w *World) { w.Organization.Verified = false },
		ErrProduct:      func(w *World) { w.Product.Offered = false },
	} {
		r := review("rita", ProductReviewer)
		change(&r.World)
		given(t, submitted(two...)).When(r).Refused(want)
	}
}

// C5, L8
func TestAfterTheDeadlineNobodyReviewsAndTheRequestExpires(t *testing.T) {
	late := review("rita", ProductReviewer)
	late.Now = deadline
	s := given(t, submitted(two...))
	s.When(late).Refused(ErrTooLate)
	s.When(Expire{Now: deadline.Add(-time.Nanosecond)}).Refused(ErrNotDue)
	s.When(Expire{Now: deadline}).Then(&approvalv1.RequestExpired{DecideBefore: timestamppb.New(deadline)})
	s.When(Expire{Now: deadline}).Then()
	s.When(review("rita", ProductReviewer)).Refused(ErrNotPending)
}

// C5
func TestARequestIsWithdrawnByWhoAskedOrByAPolicy(t *testing.T) {
	given(t, submitted(two...)).When(Withdraw{PersonID: "rita"}).Refused(ErrNotYours)
	for _, by := range []string{"ana", "ben", ""} {
		given(t, submitted(two...)).When(Withdraw{PersonID: by, Reason: "changed our minds"}).
			Then(&approvalv1.RequestWithdrawn{Reason: "changed our minds"}).
			When(Withdraw{PersonID: by}).Refused(ErrNotPending)
	}
}
