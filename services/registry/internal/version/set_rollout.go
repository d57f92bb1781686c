package version

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// maxNamed bounds the organisations of one rollout.
const maxNamed = 1000

// SetRollout opens an operation to a part of the organisations, before or after the version is published.
type SetRollout struct {
	OperationID     string
	Percent         uint32
	OrganizationIDs []string
}

// Decide follows rule 7.
func (c SetRollout) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	named := slices.Sorted(slices.Values(c.OrganizationIDs))
	switch is, set := s.Rollouts[c.OperationID]; {
	case !s.Operations[c.OperationID] || c.OperationID == "":
		return nil, ErrNoSuchOperation
	case c.Percent > 100 || len(named) > maxNamed || len(slices.Compact(slices.Clone(named))) != len(named) || slices.Contains(named, ""):
		return nil, ErrRollout
	case set && is.Percent == c.Percent && slices.Equal(is.OrganizationIDs, named), !set && c.Percent == 100:
		return nil, nil
	}
	return []aggregate.Event{&registryv1.VersionRolloutSet{OperationId: c.OperationID, Percent: c.Percent, OrganizationIds: named}}, nil
}
