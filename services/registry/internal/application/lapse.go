package application

import (
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Lapse suspends an application for which no successor of an owner was named in time.
type Lapse struct{ Now time.Time }

// Decide follows rule 4; an application with two owners, or stopped already, is left alone.
func (c Lapse) Decide(s State) ([]aggregate.Event, error) {
	if !s.Registered {
		return nil, ErrUnknown
	}
	if s.Offboarded || s.Suspended {
		return nil, nil
	}
	for _, before := range s.Orphaned {
		if !c.Now.Before(before) {
			return []aggregate.Event{&registryv1.ApplicationSuspended{Reason: "no successor of an owner was named in time"}}, nil
		}
	}
	return nil, nil
}
