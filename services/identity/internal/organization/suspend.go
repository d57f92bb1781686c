package organization

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Suspend pauses everything of the organisation.
type Suspend struct{ Reason string }

// Decide follows rule 3.
func (c Suspend) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	switch {
	case s.Kind == Provider:
		return nil, ErrProvider
	case c.Reason == "":
		return nil, ErrReason
	case s.Suspended:
		return nil, nil
	}
	return []aggregate.Event{&identityv1.OrganizationSuspended{Reason: c.Reason}}, nil
}
