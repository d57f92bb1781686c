package request

import (
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Review takes one seat and gives a verdict on the content the reviewer saw.
type Review struct {
	Seat, ReviewerID, Verdict string
	// Digest is of the content the reviewer saw.
	Digest  string
	Comment string
	// Authority lists the seats the reviewer may take, judged on the rows this decision rests on.
	Authority []string
	// Gone are those earlier reviewers who have left.
	Gone  []string
	World World
	Now   time.Time
}

// Decide follows rules 5 to 11.
func (c Review) Decide(s State) ([]aggregate.Event, error) {
	voided, _ := Void{Gone: c.Gone}.Decide(s)
	s = aggregate.Fold(s, voided...)
	if err := s.MayReview(c.Seat, c.ReviewerID, c.Authority, c.Now); err != nil {
		return nil, err
	}
	comment := strings.TrimSpace(c.Comment)
	switch {
	case c.Digest != s.Digest:
		return nil, ErrStale
	case c.Verdict != "approve" && c.Verdict != "deny":
		return nil, ErrVerdict
	case len([]rune(comment)) > 2000, c.Verdict == "deny" && comment == "":
		return nil, ErrComment
	}
	reviewed := &approvalv1.RequestReviewed{Seat: c.Seat, Verdict: c.Verdict, ContentDigest: s.Digest, Comment: comment, ReviewerId: c.ReviewerID}
	if c.Verdict == "deny" {
		return append(voided, reviewed, &approvalv1.RequestDenied{ContentDigest: s.Digest, Reason: comment}), nil
	}
	if err := c.World.stands(); err != nil {
		return nil, err
	}
	if after := s.Evolve(reviewed); len(after.Missing()) == 0 {
		return append(voided, reviewed, &approvalv1.RequestApproved{ContentDigest: s.Digest, ReviewerIds: after.Reviewers(), Content: s.Content}), nil
	}
	return append(voided, reviewed), nil
}

// MayReview is why the person could not review in this seat now, or nil.
func (s State) MayReview(seat, person string, authority []string, now time.Time) error {
	if err := s.pending(); err != nil {
		return err
	}
	clause := slices.IndexFunc(s.Clauses, func(c *approvalv1.Clause) bool { return c.Seat == seat })
	switch {
	case !now.Before(s.DecideBefore):
		return ErrTooLate
	case person == s.Requester:
		return ErrRequester
	case slices.Contains(s.Barred, person):
		return ErrOwner
	case clause < 0:
		return ErrSeat
	case slices.ContainsFunc(s.Reviews, func(r Taken) bool { return r.Reviewer == person }):
		return ErrReviewedBefore
	case person == "" || !slices.Contains(authority, seat):
		return ErrNotEligible
	case s.filled(seat) >= s.Clauses[clause].Quorum:
		return ErrSeatFilled
	}
	return nil
}
