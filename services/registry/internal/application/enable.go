package application

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Enable lets a disabled application be given access anew; nothing that ended comes back.
type Enable struct {
	Reason string
	// ByProvider says that the provider does it.
	ByProvider bool
}

// Decide follows rule 6.
func (c Enable) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	if !s.Disabled {
		return nil, ErrNotDisabled
	}
	if s.DisablingImposed && !c.ByProvider {
		return nil, ErrImposed
	}
	if len(s.Accountable()) < 2 {
		return nil, ErrOrphaned
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	return []aggregate.Event{&registryv1.ApplicationEnabled{Reason: c.Reason}}, nil
}
