package application

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Disable ends everything the application was given.
type Disable struct {
	Reason string
	// Imposed says that the provider does it.
	Imposed bool
}

// Decide follows rule 6.
func (c Disable) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	if s.Disabled {
		return nil, ErrDisabled
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	return []aggregate.Event{&registryv1.ApplicationDisabled{Reason: c.Reason, Imposed: c.Imposed}}, nil
}
