package grant

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Accepted is why a grant was narrowed that followed a proposal.
const Accepted = "scopes not used"

// AcceptShrink narrows the grant to what the proposal keeps.
type AcceptShrink struct {
	// Used are the scopes used since the grant was watched first.
	Used []string
	// UndoUntil is how long it can be taken back.
	UndoUntil time.Time
}

// Decide follows rule 7.
func (c AcceptShrink) Decide(s State) ([]aggregate.Event, error) {
	if err := s.Standing(); err != nil {
		return nil, err
	}
	if !s.Proposal.Open() {
		return nil, ErrNotProposed
	}
	for _, scope := range s.Proposal.Unused {
		if slices.Contains(c.Used, scope) {
			return nil, ErrUsedMeanwhile
		}
	}
	return []aggregate.Event{&approvalv1.GrantNarrowed{Scopes: s.Proposal.Kept, Reason: Accepted, UndoUntil: timestamppb.New(c.UndoUntil)}}, nil
}
