package eventlog

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// ActivitySince is the position after which ACTIVITY holds what was stored at or after a time, for FollowActivity, and the
// last position it holds now.
func (l *Log) ActivitySince(ctx context.Context, t time.Time) (after, last uint64, err error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	if last, err = l.lastSequence(ctx, streamActivity); err != nil || last == 0 {
		return 0, last, err
	}
	consumer, err := l.server.js.CreateConsumer(ctx, streamActivity, jetstream.ConsumerConfig{
		Name: nuid.Next(), DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &t,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: 5 * time.Second,
	})
	if err != nil {
		return 0, last, err
	}
	after = min(consumer.CachedInfo().Delivered.Stream, last)
	_ = l.server.js.DeleteConsumer(ctx, streamActivity, consumer.CachedInfo().Name) // else it ends by its inactivity
	return after, last, nil
}
