package version

import (
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Retire ends the version for good: at its announced end, or before it was ever published.
type Retire struct {
	Reason string
	Now    time.Time
}

// Decide follows rules 5 and 6.
func (c Retire) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	if s.Published && (!s.Deprecated || c.Now.Before(s.SunsetAt)) {
		return nil, ErrNotDue
	}
	return []aggregate.Event{&registryv1.VersionRetired{Reason: c.Reason}}, nil
}
