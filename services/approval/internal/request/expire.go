package request

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Expire ends a request that nobody decided in time.
type Expire struct{ Now time.Time }

// Decide follows rule 10; a request decided meanwhile changes nothing.
func (c Expire) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Submitted:
		return nil, ErrUnknown
	case s.Outcome != "":
		return nil, nil
	case c.Now.Before(s.DecideBefore):
		return nil, ErrNotDue
	}
	return []aggregate.Event{&approvalv1.RequestExpired{DecideBefore: timestamppb.New(s.DecideBefore)}}, nil
}
