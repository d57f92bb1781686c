package organization

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Signals is where the provider's security events are fetched; nowhere if the endpoint is empty.
type Signals struct{ Endpoint, SecretID string }

// ConfigureSignals says where the provider's security events are fetched.
type ConfigureSignals struct{ Signals }

// Decide follows rule 6: an address is https, or http on a loopback address alone.
func (c ConfigureSignals) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	switch {
	case c.Endpoint != "" && !validIssuer(c.Endpoint), len(c.Endpoint) > 500:
		return nil, ErrEndpoint
	case s.Signals == c.Signals:
		return nil, nil
	}
	return []aggregate.Event{&identityv1.OrganizationSignalsConfigured{PollEndpoint: c.Endpoint, SecretId: c.SecretID}}, nil
}
