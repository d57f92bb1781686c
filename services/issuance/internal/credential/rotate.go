package credential

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// MaxOverlap is the longest two generations may live side by side.
const MaxOverlap = 7 * 24 * time.Hour

// Rotate starts a successor generation beside the live one.
type Rotate struct {
	Now       time.Time
	ExpiresAt time.Time
	// Overlap is how long the old generation goes on; zero retires it in the same decision.
	Overlap time.Duration
	// Quiet is how long the old one must be unused to retire before the overlap ends; zero keeps the full overlap.
	Quiet     time.Duration
	Reason    string
	Allowance Allowance
	Secret    Secret
}

// Decide follows rules 2, 4, 7, 8 and 9.
func (c Rotate) Decide(s State) ([]aggregate.Event, error) {
	a, live := c.Allowance, s.Live()
	switch err := s.usable(); {
	case err != nil:
		return nil, err
	case s.ImportedFrom != "":
		return nil, ErrImported
	case !c.Now.Before(s.ExpiresAt):
		return nil, ErrDead
	case len(live) > 1:
		return nil, ErrRotating
	case !c.Secret.fits(s.Kind):
		return nil, ErrMaterial
	case s.had(c.Secret):
		return nil, ErrKeyReused
	case a.Usable != nil:
		return nil, a.Usable
	case !a.Active:
		return nil, ErrApplicationState
	case a.Owners < 2:
		return nil, ErrNoOwner
	case c.Overlap < 0, c.Overlap > MaxOverlap:
		return nil, ErrOverlapTooLong
	case !c.ExpiresAt.After(c.Now):
		return nil, ErrNoExpiry
	case c.ExpiresAt.After(a.Until), c.ExpiresAt.Sub(c.Now) > MaxLifetime(Stricter(s.Class, a.Class)):
		return nil, ErrTooLong
	}
	next := &issuancev1.CredentialRotationStarted{
		Generation: s.Newest() + 1, Hint: c.Secret.Hint, Fingerprint: c.Secret.Fingerprint,
		ExpiresAt: timestamppb.New(c.ExpiresAt), Reason: c.Reason, StartsAt: timestamppb.New(c.Now),
		Key: c.Secret.Key, DeliveredTo: c.Secret.DeliveredTo, QuietSeconds: uint32(max(c.Quiet, 0) / time.Second),
	}
	if len(live) == 0 { // after a leak nothing is left to overlap
		next.OverlapEndsAt = timestamppb.New(c.Now)
		return []aggregate.Event{next}, nil
	}
	old := live[0]
	next.PreviousGeneration = old.Number
	ends := c.Now.Add(c.Overlap)
	if ends.After(old.ExpiresAt) {
		ends = old.ExpiresAt
	}
	next.OverlapEndsAt = timestamppb.New(ends)
	if c.Overlap == 0 {
		return []aggregate.Event{next, &issuancev1.CredentialRetired{Generation: old.Number, Reason: "requested"}}, nil
	}
	return []aggregate.Event{next}, nil
}
