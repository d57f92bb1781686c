package signalstream

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// SetStatus enables, pauses or disables the stream.
type SetStatus struct{ Status, Reason string }

// Decide follows rule 3.
func (c SetStatus) Decide(s State) ([]aggregate.Event, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains([]string{"enabled", "paused", "disabled"}, c.Status):
		return nil, ErrStatus
	case len([]rune(c.Reason)) > 200:
		return nil, ErrText
	case s.Status == c.Status:
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.SignalStreamStatusChanged{Status: c.Status, Reason: c.Reason}}, nil
}
