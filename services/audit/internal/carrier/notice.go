package carrier

import (
	"context"
	"log/slog"
	"time"

	"github.com/chancery-dev/chancery/services/audit/internal/feed"
)

// late is how old the oldest unconfirmed event of a subscriber may be: half of what the feed keeps.
const late = feed.Kept / 2

// Late says whether a subscriber is about to lose events to the feed's age.
func Late(oldest, now time.Time) bool { return !oldest.IsZero() && now.Sub(oldest) >= late }

// Notices tell of subscribers that are late.
type Notices struct {
	Durables Durables
	// Open gives the ids of all subscriptions that have not ended.
	Open   func(context.Context) ([]string, error)
	Clock  func() time.Time
	Logger *slog.Logger
}

// Run looks every ten minutes until ctx ends.
func (n Notices) Run(ctx context.Context) error {
	for {
		if err := n.look(ctx); err != nil && ctx.Err() == nil {
			n.Logger.WarnContext(ctx, "subscribers were not looked at", "error", err)
		}
		select {
		case <-time.After(10 * time.Minute):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (n Notices) look(ctx context.Context) error {
	open, err := n.Open(ctx)
	if err != nil {
		return err
	}
	for _, id := range open {
		oldest, err := n.Durables.Oldest(ctx, id)
		if err != nil {
			return err
		}
		if Late(oldest, n.Clock()) {
			n.Logger.WarnContext(ctx, "a subscriber has not confirmed events for half the time they are kept", "subscription", id, "oldest", oldest)
		}
	}
	return nil
}
