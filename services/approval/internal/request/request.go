// Package request is one request for access and the reviews that decide it.
//
// Rules:
//  1. A request is submitted once, by an owner of an active application, with a justification (B1, B2, C2).
//  2. It asks for exact scopes of one product that the organisation can see, for a limited time; no wildcard (B7, C6).
//  3. Production is only for a verified organisation (A9, C1).
//  4. Every clause names a known seat once with a quorum of at least one; a smaller quorum is refused (L7).
//  5. The requester and the application's owners are barred from every seat, and nobody reviews twice, so one human
//     never fills two seats (C3, L7).
//  6. A review is of the content's digest that the reviewer saw; another digest is refused (L7).
//  7. A seat is taken only by those who hold the authority for it at that moment.
//     When who gave a review leaves before the request is decided, the review no longer counts (A5).
//  8. Approval follows when every clause is met, and only then; without clauses the policy decides alone (C4).
//  9. One denial, with its reason, ends the request (C5).
//  10. After the deadline nobody reviews, and an undecided request expires (C5, L8).
//  11. What is decided stays decided.
package request

import (
	"errors"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// The seats a clause may name.
const (
	OrganizationAdmin = "organization_admin"
	ProductReviewer   = "product_reviewer"
	SecurityReviewer  = "security_reviewer"
)

// Outcomes of a request; a pending one has none.
const (
	Approved  = "approved"
	Denied    = "denied"
	Withdrawn = "withdrawn"
	Expired   = "expired"
)

// Taken is one review that was given.
type Taken struct{ Seat, Reviewer, Verdict string }

// State is one request; its zero value is one that nobody submitted.
type State struct {
	Submitted    bool
	Content      *approvalv1.Content
	Digest       string
	Requester    string
	Barred       []string
	Clauses      []*approvalv1.Clause
	Policy       string
	DecideBefore time.Time
	Reviews      []Taken
	Outcome      string
}

// Refusals.
var (
	ErrUnknown          = errors.New("no such request")
	ErrAlreadySubmitted = errors.New("the request was submitted already")
	ErrApplication      = errors.New("the application is not active with two owners who are here")
	ErrOrganization     = errors.New("the organisation is not open")
	ErrNotVerified      = errors.New("production needs a verified organisation")
	ErrNotOwner         = errors.New("only an owner of the application requests access for it")
	ErrProduct          = errors.New("the product is not on offer to the organisation")
	ErrNoScopes         = errors.New("ask for at least one scope")
	ErrScope            = errors.New("ask for exact scopes of the product, each once; there are no wildcards")
	ErrDuration         = errors.New("ask for at least one hour and at most what the product's class allows: public 365 days, partner 180, sensitive 90")
	ErrJustification    = errors.New("say why the access is needed, in 10 to 2,000 characters")
	ErrQuorum           = errors.New("a clause needs a known seat, named once, and a quorum of at least one")
	ErrDeadline         = errors.New("a request needs a deadline in the future")
	ErrNotPending       = errors.New("the request is decided already")
	ErrTooLate          = errors.New("the time to decide has passed")
	ErrNotDue           = errors.New("there is still time to decide")
	ErrSeat             = errors.New("the request asks for no review in this seat")
	ErrSeatFilled       = errors.New("this seat is filled already")
	ErrRequester        = errors.New("the requester cannot review")
	ErrOwner            = errors.New("an owner of the application cannot review")
	ErrReviewedBefore   = errors.New("one person fills one seat, and you have reviewed this request")
	ErrNotEligible      = errors.New("you do not hold the authority for this seat")
	ErrStale            = errors.New("the content you saw is not the content of the request; read it again")
	ErrVerdict          = errors.New("the verdict is approve or deny")
	ErrComment          = errors.New("a denial needs a reason, and a comment has at most 2,000 characters")
	ErrNotYours         = errors.New("only the requester or an owner of the application withdraws it")
)

// OrganizationID is the organisation that asks.
func (s State) OrganizationID() string { return s.Content.GetOrganizationId() }

// PersonID is the requester, whose words a request holds.
func (s State) PersonID() string { return s.Requester }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *approvalv1.RequestSubmitted:
		s.Submitted = true
		s.Content, s.Digest, s.Clauses, s.Policy = e.Content, e.ContentDigest, e.Clauses, e.Policy
		s.Requester, s.Barred, s.DecideBefore = e.RequesterId, e.BarredPersonIds, e.DecideBefore.AsTime()
	case *approvalv1.RequestReviewed:
		s.Reviews = append(slices.Clone(s.Reviews), Taken{Seat: e.Seat, Reviewer: e.ReviewerId, Verdict: e.Verdict})
	case *approvalv1.RequestReviewVoided:
		s.Reviews = slices.DeleteFunc(slices.Clone(s.Reviews), func(r Taken) bool { return r.Reviewer == e.ReviewerId })
	case *approvalv1.RequestApproved:
		s.Outcome = Approved
	case *approvalv1.RequestDenied:
		s.Outcome = Denied
	case *approvalv1.RequestWithdrawn:
		s.Outcome = Withdrawn
	case *approvalv1.RequestExpired:
		s.Outcome = Expired
	}
	return s
}

// Missing says how many reviews each clause still lacks; clauses that are met are left out.
func (s State) Missing() []*approvalv1.Clause {
	var missing []*approvalv1.Clause
	for _, c := range s.Clauses {
		if n := s.filled(c.Seat); n < c.Quorum {
			missing = append(missing, &approvalv1.Clause{Seat: c.Seat, Quorum: c.Quorum - n})
		}
	}
	return missing
}

// Reviewers lists who approved, in the order they did.
func (s State) Reviewers() []string {
	var ids []string
	for _, r := range s.Reviews {
		if r.Verdict == "approve" {
			ids = append(ids, r.Reviewer)
		}
	}
	return ids
}

func (s State) filled(seat string) uint32 {
	var n uint32
	for _, r := range s.Reviews {
		if r.Seat == seat && r.Verdict == "approve" {
			n++
		}
	}
	return n
}

// pending refuses what can only happen to a request that waits for its decision.
func (s State) pending() error {
	switch {
	case !s.Submitted:
		return ErrUnknown
	case s.Outcome != "":
		return ErrNotPending
	}
	return nil
}
