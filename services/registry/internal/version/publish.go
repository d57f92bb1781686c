package version

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Publish is the decision that consumers may build on the version.
type Publish struct{}

// Decide follows rule 4.
func (c Publish) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	if s.Published {
		return nil, ErrPublished
	}
	if !s.Gates[OperationsScoped] {
		return nil, ErrGate
	}
	for _, passed := range s.Gates {
		if !passed {
			return nil, ErrGate
		}
	}
	return []aggregate.Event{&registryv1.VersionPublished{ProductId: s.ProductID, Version: s.Version}}, nil
}
