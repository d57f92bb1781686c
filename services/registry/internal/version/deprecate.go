package version

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Deprecate announces the end of a published version and the way on.
type Deprecate struct {
	SunsetAt  time.Time
	Migration string
	Now       time.Time
}

// Decide follows rule 5.
func (c Deprecate) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	n := len([]rune(c.Migration))
	switch {
	case !s.Published:
		return nil, ErrNotPublished
	case s.Deprecated:
		return nil, ErrDeprecated
	case c.SunsetAt.Sub(c.Now) < Notice:
		return nil, ErrNotice
	case n == 0 || n > 5000:
		return nil, ErrMigration
	}
	return []aggregate.Event{&registryv1.VersionDeprecated{SunsetAt: timestamppb.New(c.SunsetAt), Migration: c.Migration}}, nil
}
