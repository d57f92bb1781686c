package leak

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Close says that everything the report names has ended, and how far that is felt.
type Close struct {
	// Secrets are how many the closer saw to; a report that names more by now stays open.
	Secrets            int
	Ended, EndedBefore int
	Position           uint64
	DeadAt             time.Time
	Confirmed, Pending []string
}

// Decide follows rule 3.
func (c Close) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Received:
		return nil, ErrUnknown
	case s.Closed, c.Secrets < len(s.Secrets):
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.LeakClosed{
		Ended: uint32(c.Ended), EndedBefore: uint32(c.EndedBefore), Position: c.Position, DeadAt: timestamppb.New(c.DeadAt),
		Confirmed: c.Confirmed, Pending: c.Pending,
	}}, nil
}
