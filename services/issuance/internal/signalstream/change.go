package signalstream

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Change moves the stream elsewhere or to other events.
type Change struct {
	Delivery      Delivery
	Events, Known []string
	Description   string
	Loopback      bool
}

// Decide follows rules 1 and 2.
func (c Change) Decide(s State) ([]aggregate.Event, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	if err := c.Delivery.check(c.Events, c.Known, c.Loopback); err != nil {
		return nil, err
	}
	if len([]rune(c.Description)) > 200 {
		return nil, ErrText
	}
	if s.Delivery == c.Delivery && slices.Equal(s.Events, c.Events) && s.Description == c.Description {
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.SignalStreamChanged{
		Method: c.Delivery.Method, Endpoint: c.Delivery.Endpoint, SecretId: c.Delivery.SecretID, Events: c.Events, Description: c.Description,
	}}, nil
}
