package request

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Void takes back the reviews of people who left before the request was decided.
type Void struct{ Gone []string }

// Decide follows rule 7; a decided request stays as it is.
func (c Void) Decide(s State) ([]aggregate.Event, error) {
	if !s.Submitted {
		return nil, ErrUnknown
	}
	if s.Outcome != "" {
		return nil, nil
	}
	var facts []aggregate.Event
	for _, r := range s.Reviews {
		if slices.Contains(c.Gone, r.Reviewer) {
			facts = append(facts, &approvalv1.RequestReviewVoided{Seat: r.Seat, ReviewerId: r.Reviewer})
		}
	}
	return facts, nil
}
