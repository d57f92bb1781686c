package signalstream

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Verify has a verification event sent (SSF 1.0 §8.1.4).
type Verify struct{ State string }

// Decide follows rule 5.
func (c Verify) Decide(s State) ([]aggregate.Event, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	if len(c.State) > 200 {
		return nil, ErrText
	}
	return []aggregate.Event{&issuancev1.SignalVerificationRequested{State: c.State}}, nil
}
