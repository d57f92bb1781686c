package credential

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Withdraw records that one generation ended with the session it was made in, the last one included.
type Withdraw struct {
	Generation uint32
	Reason     string
}

// Decide says it once, of a generation that stands.
func (c Withdraw) Decide(s State) ([]aggregate.Event, error) {
	if s.usable() != nil {
		return nil, nil // with the credential all of it has ended
	}
	for _, g := range s.Live() {
		if g.Number == c.Generation {
			return []aggregate.Event{&issuancev1.CredentialRetired{Generation: c.Generation, Reason: c.Reason}}, nil
		}
	}
	return nil, nil
}
