package grant

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Narrow leaves the grant with fewer of its scopes.
type Narrow struct {
	Scopes []string
	Reason string
}

// Decide follows rule 3.
func (c Narrow) Decide(s State) ([]aggregate.Event, error) {
	if err := s.Standing(); err != nil {
		return nil, err
	}
	scopes := slices.Compact(slices.Sorted(slices.Values(c.Scopes)))
	if len(scopes) == 0 || len(scopes) >= len(s.Scopes) {
		return nil, ErrNotNarrower
	}
	for _, scope := range scopes {
		if !slices.Contains(s.Scopes, scope) {
			return nil, ErrNotNarrower
		}
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	return []aggregate.Event{&approvalv1.GrantNarrowed{Scopes: scopes, Reason: c.Reason}}, nil
}
