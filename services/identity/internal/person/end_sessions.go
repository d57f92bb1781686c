package person

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// EndSessions ends every session begun so far; with Compromised also what was made in them.
type EndSessions struct {
	Reason      string
	Compromised bool
}

// Decide follows rules 5 and 6.
func (c EndSessions) Decide(s State) ([]aggregate.Event, error) {
	if err := s.present(); err != nil {
		return nil, err
	}
	switch {
	case c.Reason == "":
		return nil, ErrReason
	case c.Compromised:
		return []aggregate.Event{&identityv1.PersonSessionsCompromised{Reason: c.Reason}}, nil
	}
	return []aggregate.Event{&identityv1.PersonSessionsEnded{Reason: c.Reason}}, nil
}
