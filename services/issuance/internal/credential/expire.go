package credential

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Expire records that the credential's time is over.
type Expire struct{ Now time.Time }

// Decide says so once, and not before it is true.
func (c Expire) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Issued:
		return nil, ErrUnknown
	case s.Dead:
		return nil, nil
	case c.Now.Before(s.ExpiresAt):
		return nil, ErrNotDue
	}
	return []aggregate.Event{&issuancev1.CredentialExpired{ExpiresAt: timestamppb.New(s.ExpiresAt)}}, nil
}
