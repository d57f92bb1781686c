package organization

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Resume lifts a suspension.
type Resume struct{ Reason string }

// Decide lifts what stands suspended and says nothing otherwise.
func (c Resume) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if !s.Suspended {
		return nil, nil
	}
	return []aggregate.Event{&identityv1.OrganizationResumed{Reason: c.Reason}}, nil
}
