package signingkey

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Compromise ends the key and everything it signed.
type Compromise struct{ KeyID, Reason string }

// Decide follows rule 3.
func (c Compromise) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Created:
		return nil, ErrUnknown
	case s.Compromised:
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.SigningKeyCompromised{KeyId: c.KeyID, Reason: c.Reason}}, nil
}
