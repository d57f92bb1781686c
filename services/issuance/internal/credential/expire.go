package credential

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Expire ends a generation whose time is over, and with the newest or the last one the credential.
type Expire struct {
	Generation uint32
	Now        time.Time
}

// Decide follows rules 3 and 4.
func (c Expire) Decide(s State) ([]aggregate.Event, error) {
	if !s.Issued {
		return nil, ErrUnknown
	}
	live := s.Live()
	for _, g := range live {
		switch {
		case g.Number != c.Generation:
		case c.Now.Before(g.end()):
			return nil, ErrNotDue
		case g.Number == s.Newest(), len(live) == 1:
			return []aggregate.Event{&issuancev1.CredentialExpired{ExpiresAt: timestamppb.New(g.end())}}, nil
		default:
			return []aggregate.Event{&issuancev1.CredentialRetired{Generation: g.Number, Reason: "overlap_ended"}}, nil
		}
	}
	return nil, nil // ended already
}

// end is when the secret stops working by itself.
func (g Generation) end() time.Time {
	if !g.OverlapEndsAt.IsZero() && g.OverlapEndsAt.Before(g.ExpiresAt) {
		return g.OverlapEndsAt
	}
	return g.ExpiresAt
}
