package person

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// SignOutUpstream ends every session and every leave to act for the person, because their provider ended theirs.
type SignOutUpstream struct{ Reason, TokenID string }

// Decide follows rules 5 and 6.
func (c SignOutUpstream) Decide(s State) ([]aggregate.Event, error) {
	if err := s.present(); err != nil {
		return nil, err
	}
	if c.Reason == "" {
		return nil, ErrReason
	}
	return []aggregate.Event{&identityv1.PersonSignedOutUpstream{Reason: c.Reason, TokenId: c.TokenID}}, nil
}
