package credential

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Deliver says that a secret lies in its store.
type Deliver struct{ Generation uint32 }

// Decide says it once, of what is on its way.
func (c Deliver) Decide(s State) ([]aggregate.Event, error) {
	g, found := s.Generation(c.Generation)
	switch {
	case !found:
		return nil, ErrNoGeneration
	case g.DeliveredTo == "":
		return nil, ErrNotOnItsWay
	case g.Delivered, g.Ended, s.Dead:
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.CredentialDelivered{Generation: g.Number, DeliveredTo: g.DeliveredTo}}, nil
}

// GiveUp says that a secret cannot reach its store.
type GiveUp struct {
	Generation uint32
	Reason     string // refused | unreachable | differs | expired
}

// Decide follows rule 10.
func (c GiveUp) Decide(s State) ([]aggregate.Event, error) {
	g, found := s.Generation(c.Generation)
	switch {
	case !found:
		return nil, ErrNoGeneration
	case g.DeliveredTo == "":
		return nil, ErrNotOnItsWay
	case g.Delivered, g.Ended, s.Dead:
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.CredentialDeliveryFailed{Generation: g.Number, DeliveredTo: g.DeliveredTo, Reason: c.Reason}}, nil
}

// Replaced says that a newer generation goes to the same store, so that an older secret must not be written there any more.
func (s State) Replaced(number uint32) bool {
	g, _ := s.Generation(number)
	for _, other := range s.Generations {
		if other.Number > number && other.DeliveredTo == g.DeliveredTo && !other.Ended {
			return true
		}
	}
	return false
}
