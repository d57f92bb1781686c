package version

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// EvaluateGate records what a check of the publish list found.
type EvaluateGate struct {
	Gate    string
	Passed  bool
	Finding string
}

// Decide follows rule 4; the last evaluation of a gate counts.
func (c EvaluateGate) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	switch passed, known := s.Gates[c.Gate]; {
	case c.Gate == "":
		return nil, ErrGateName
	case s.Published:
		return nil, ErrPublished
	case known && passed == c.Passed:
		return nil, nil
	}
	return []aggregate.Event{&registryv1.VersionGateEvaluated{Gate: c.Gate, Passed: c.Passed, Finding: c.Finding}}, nil
}
