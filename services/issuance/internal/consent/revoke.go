package consent

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Revoke ends the consent.
type Revoke struct{ Reason string }

// Decide follows rule 4; revoking what has ended says nothing new.
func (c Revoke) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Given:
		return nil, ErrUnknown
	case s.Ended:
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.ConsentRevoked{Reason: c.Reason}}, nil
}
