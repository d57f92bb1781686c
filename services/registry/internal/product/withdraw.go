package product

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Withdraw hides the product from its audience until it is published again.
type Withdraw struct{ Reason string }

// Decide follows rule 8.
func (c Withdraw) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	if !s.Shown {
		return nil, ErrNotShown
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	return []aggregate.Event{&registryv1.ProductWithdrawn{Reason: c.Reason}}, nil
}
