package person

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// EndSession ends one session of the person.
type EndSession struct {
	SessionID string
	Reason    string // sign_out | idle | administrator
}

// Decide follows rule 5.
func (c EndSession) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Provisioned:
		return nil, ErrUnknown
	case c.SessionID == "":
		return nil, ErrSession
	case c.Reason == "":
		return nil, ErrReason
	case s.Gone || slices.Contains(s.EndedSessions, c.SessionID):
		return nil, nil
	}
	return []aggregate.Event{&identityv1.PersonSessionEnded{SessionId: c.SessionID, Reason: c.Reason}}, nil
}
