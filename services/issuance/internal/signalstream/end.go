package signalstream

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// End closes the stream for good.
type End struct{ Reason string }

// Decide follows rule 5.
func (c End) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Created:
		return nil, ErrUnknown
	case s.Ended:
		return nil, nil
	case len([]rune(c.Reason)) > 200:
		return nil, ErrText
	}
	return []aggregate.Event{&issuancev1.SignalStreamEnded{Reason: c.Reason}}, nil
}
