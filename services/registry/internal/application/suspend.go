package application

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Suspend stops the application for a while; nothing of it ends.
type Suspend struct {
	Reason string
	// Imposed says that the provider does it.
	Imposed bool
}

// Decide follows rule 6.
func (c Suspend) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	if s.Suspended {
		return nil, ErrSuspended
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	return []aggregate.Event{&registryv1.ApplicationSuspended{Reason: c.Reason, Imposed: c.Imposed}}, nil
}
