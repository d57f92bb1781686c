package authorization

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Widen follows the grant back to scopes it had before.
type Widen struct{ Scopes []string }

// Decide follows rule 2.
func (c Widen) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Opened:
		return nil, ErrNotOpen
	case s.Closed, slices.Equal(s.Scopes, c.Scopes):
		return nil, nil
	case !subset(s.Granted, c.Scopes):
		return nil, ErrNotNarrower
	}
	return []aggregate.Event{&issuancev1.AuthorizationWidened{Scopes: c.Scopes}}, nil
}
