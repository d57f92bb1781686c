package consent

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Expire ends a consent whose time is over.
type Expire struct{ Now time.Time }

// Decide follows rule 4.
func (c Expire) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Given:
		return nil, ErrUnknown
	case s.Ended:
		return nil, nil
	case c.Now.Before(s.ExpiresAt):
		return nil, ErrNotDue
	}
	return []aggregate.Event{&issuancev1.ConsentExpired{ExpiresAt: timestamppb.New(s.ExpiresAt)}}, nil
}
