package application

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Resume lifts a suspension; an application that lost an owner stays suspended until a successor is named.
type Resume struct {
	Reason string
	// ByProvider says that the provider does it.
	ByProvider bool
}

// Decide follows rule 6.
func (c Resume) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	if !s.Suspended {
		return nil, ErrNotSuspended
	}
	if s.SuspensionImposed && !c.ByProvider {
		return nil, ErrImposed
	}
	if len(s.Accountable()) < 2 {
		return nil, ErrOrphaned
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	return []aggregate.Event{&registryv1.ApplicationResumed{Reason: c.Reason}}, nil
}
