package issuance

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/issuance/internal/policy"
)

// cutOverEvery is how often rotations are looked at: uses come in once a minute.
const cutOverEvery = time.Second

// cutOver retires secrets that are proven unused, in one instance at a time, until ctx ends.
func cutOver(d service.Deps, uses *projection.Runner, p policy.Deps) func(context.Context) error {
	p.Observed = func(ctx context.Context) error {
		if err := uses.Ready(ctx); err != nil {
			return err
		}
		tail, err := d.Log.ActivityTail(ctx)
		if err != nil {
			return err
		}
		return uses.WaitFor(ctx, tail)
	}
	tick := func(ctx context.Context) error {
		for {
			if err := p.CutOver(ctx); err != nil && ctx.Err() == nil {
				d.Logger.WarnContext(ctx, "rotations are left to their overlap", "error", err)
			}
			if err := pause(ctx, cutOverEvery); err != nil {
				return err
			}
		}
	}
	return func(ctx context.Context) error {
		for {
			if err := projection.Alone(ctx, d.DB, "cut_over", tick); err != nil && ctx.Err() == nil {
				d.Logger.WarnContext(ctx, "rotations are not looked at", "error", err)
			}
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
