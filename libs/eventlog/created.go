package eventlog

import (
	"context"
	"time"
)

// Created is when EVENTS was made: another stream of the same name has another time.
func (l *Log) Created(ctx context.Context) (time.Time, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	return retried(ctx, l.server.patience, func(ctx context.Context) (time.Time, error) {
		s, err := l.server.js.Stream(ctx, streamEvents)
		if err != nil {
			return time.Time{}, err
		}
		return s.CachedInfo().Created.UTC(), nil
	})
}
