package signingkey

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Activate makes the key sign.
type Activate struct{ KeyID string }

// Decide follows rules 1 and 2.
func (c Activate) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Created:
		return nil, ErrUnknown
	case s.Retired, s.Compromised:
		return nil, ErrOver
	case s.Active:
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.SigningKeyActivated{KeyId: c.KeyID}}, nil
}
