package authorization

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Narrow follows the grant to fewer scopes.
type Narrow struct{ Scopes []string }

// Decide follows rule 2.
func (c Narrow) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Opened:
		return nil, ErrNotOpen
	case s.Closed, slices.Equal(s.Scopes, c.Scopes):
		return nil, nil
	case !subset(s.Scopes, c.Scopes):
		return nil, ErrNotNarrower
	}
	return []aggregate.Event{&issuancev1.AuthorizationNarrowed{Scopes: c.Scopes}}, nil
}
