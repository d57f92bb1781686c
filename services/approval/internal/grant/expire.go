package grant

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Expire records that the grant reached its end.
type Expire struct{ Now time.Time }

// Decide follows rule 4; a grant that ended otherwise changes nothing.
func (c Expire) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Activated:
		return nil, ErrUnknown
	case s.Ended != "":
		return nil, nil
	case c.Now.Before(s.Until):
		return nil, ErrNotDue
	}
	return []aggregate.Event{&approvalv1.GrantExpired{Until: timestamppb.New(s.Until)}}, nil
}
