package application

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Offboard ends the application for good.
type Offboard struct{ Reason string }

// Decide follows rule 7.
func (c Offboard) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	return []aggregate.Event{&registryv1.ApplicationOffboarded{Reason: c.Reason}}, nil
}
