package renewal

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	// Ask is how often a renewal is asked for that is refused as too early, where nothing says when it is due.
	Ask     = 10 * time.Minute
	soonest = time.Second
	latest  = 5 * time.Minute
)

// Keep renews whenever it is due, until ctx ends or the credential is over: then it answers why. What fails otherwise is tried
// again, each time after twice as long, at most five minutes. tell hears of every attempt.
func (k *Keeper) Keep(ctx context.Context, tell func(Renewed, error)) error {
	pause := soonest
	for {
		due, err := k.Due()
		wait := due.Sub(k.Now())
		if err == nil && wait <= 0 {
			var r Renewed
			r, err = k.Renew(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			tell(r, err)
			wait = r.From.Sub(k.Now())
		}
		var refused *Refused
		switch {
		case err == nil:
			pause = soonest
		case errors.As(err, &refused) && refused.Code == "too_early":
			wait = Ask
		case errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests:
			return err
		default:
			wait, pause = pause, min(2*pause, latest)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(min(wait, time.Hour), soonest)): // clocks may be set meanwhile
		}
	}
}
