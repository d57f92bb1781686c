package organization

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Close ends the relation with the organisation and everything that descends from it.
type Close struct{ Reason string }

// Decide follows rules 2 and 3; closing again says nothing.
func (c Close) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case s.Kind == "":
		return nil, ErrUnknown
	case s.Kind == Provider:
		return nil, ErrProvider
	case c.Reason == "":
		return nil, ErrReason
	case s.Closed:
		return nil, nil
	}
	return []aggregate.Event{&identityv1.OrganizationClosed{Reason: c.Reason}}, nil
}
