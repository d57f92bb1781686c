package grant

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// ProposeShrink proposes to do without the scopes that were not used while the grant was watched.
type ProposeShrink struct {
	// Used are those that were, From and To when it was watched.
	Used     []string
	From, To time.Time
	// ShadowUntil is how long authorizers count what it would deny.
	ShadowUntil time.Time
}

// Decide follows rule 6; a grant that ended or uses all it has, or nothing, changes nothing.
func (c ProposeShrink) Decide(s State) ([]aggregate.Event, error) {
	var kept, unused []string
	for _, scope := range s.Scopes {
		if slices.Contains(c.Used, scope) {
			kept = append(kept, scope)
		} else {
			unused = append(unused, scope)
		}
	}
	switch {
	case !s.Activated:
		return nil, ErrUnknown
	case s.Ended != "":
		return nil, nil
	case s.Proposal.Open():
		return nil, ErrProposed
	case !c.To.After(c.From), !c.ShadowUntil.After(c.To):
		return nil, ErrNotUnused
	case len(unused) == 0, len(kept) == 0:
		return nil, nil
	}
	return []aggregate.Event{&approvalv1.GrantShrinkProposed{KeptScopes: kept, UnusedScopes: unused, ObservedFrom: timestamppb.New(c.From),
		ObservedTo: timestamppb.New(c.To), ShadowUntil: timestamppb.New(c.ShadowUntil)}}, nil
}
