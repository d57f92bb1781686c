// Package carrier brings the feed to subscribers over NATS: their durable consumers, which only audit makes, and their
// users, who may do nothing but take from their own.
package carrier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/services/audit/internal/feed"
)

// APIPrefix is where a subscriber's client finds the interface of the feed's stream.
const APIPrefix = eventlog.APIFeed

const (
	ackWait = 30 * time.Second
	// unused is how long a replay that nobody takes is kept.
	unused = 24 * time.Hour
)

// ErrAgedOut says that the feed holds the beginning of a range no more; the records do.
var ErrAgedOut = errors.New("the feed no longer holds the beginning of this range: read it by the cursor API")

// Durables are the consumers of subscriptions. Their filters are the authority: a subscriber may create nothing.
type Durables struct{ js jetstream.JetStream }

// Subscribed is what a consumer is made for.
type Subscribed struct {
	ID string
	// Types and Organizations are those delivered; no organisation stands for all.
	Types, Organizations []string
	// After is the position of the last record not delivered.
	After uint64
}

// Progress is how far a subscriber has come.
type Progress struct {
	// Pending is how many events wait for it, Unacknowledged how many it was given and has not confirmed.
	Pending, Unacknowledged uint64
}

// Open finds the feed.
func Open(ctx context.Context, nc *nats.Conn) (Durables, error) {
	js, err := eventlog.JetStream(ctx, nc, eventlog.APIFeed)
	if err != nil {
		return Durables{}, err
	}
	if _, err := js.Stream(ctx, feed.Stream); err != nil {
		return Durables{}, fmt.Errorf("%s: %w", feed.Stream, err)
	}
	return Durables{js}, nil
}

// JetStream is the interface of the feed's stream.
func (d Durables) JetStream() jetstream.JetStream { return d.js }

// Name is that of a subscription's consumer.
func Name(id string) string { return "sub_" + id }

// Replays is the name of the consumer of its replays.
func Replays(id string) string { return "sub_" + id + "_replay" }

// Create makes a subscription's consumer, unless it is there.
func (d Durables) Create(ctx context.Context, s Subscribed) error {
	from, _, err := feed.After(ctx, d.js, s.After)
	if err != nil {
		return err
	}
	_, err = d.js.CreateConsumer(ctx, feed.Stream, config(Name(s.ID), s, from))
	if errors.Is(err, jetstream.ErrConsumerExists) {
		return nil // it was made at another beginning, which stays
	}
	return err
}

func config(name string, s Subscribed, from uint64) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: name, Description: "lifecycle events of a subscription",
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from, 1), FilterSubjects: feed.Filters(s.Types, s.Organizations),
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 1000, MaxWaiting: 16,
	}
}

// Replay fills the consumer of replays with the events made of the records from a position on; a replay under way is
// dropped. What is delivered anyway goes on.
func (d Durables) Replay(ctx context.Context, s Subscribed, from uint64) error {
	first, whole, err := feed.After(ctx, d.js, from-1)
	if err != nil {
		return err
	}
	if !whole {
		return ErrAgedOut
	}
	if err := d.drop(ctx, Replays(s.ID)); err != nil {
		return err
	}
	c := config(Replays(s.ID), s, first)
	c.InactiveThreshold = unused
	_, err = d.js.CreateConsumer(ctx, feed.Stream, c)
	return err
}

// Drop removes the consumers of a subscription, if they are there.
func (d Durables) Drop(ctx context.Context, id string) error {
	return errors.Join(d.drop(ctx, Name(id)), d.drop(ctx, Replays(id)))
}

func (d Durables) drop(ctx context.Context, name string) error {
	err := d.js.DeleteConsumer(ctx, feed.Stream, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil
	}
	return err
}

// Progress says how far a subscriber has come; false if its consumer is gone.
func (d Durables) Progress(ctx context.Context, id string) (Progress, bool, error) {
	c, err := d.js.Consumer(ctx, feed.Stream, Name(id))
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return Progress{}, false, nil
	}
	if err != nil {
		return Progress{}, false, err
	}
	info := c.CachedInfo()
	return Progress{info.NumPending, uint64(max(info.NumAckPending, 0))}, true, nil
}

// Oldest is when the oldest event that a subscriber has not confirmed came into the feed; zero if it has confirmed all.
func (d Durables) Oldest(ctx context.Context, id string) (oldest time.Time, err error) {
	c, err := d.js.Consumer(ctx, feed.Stream, Name(id))
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return oldest, nil
	}
	if err != nil {
		return oldest, err
	}
	info := c.CachedInfo()
	if info.NumPending == 0 && info.NumAckPending == 0 {
		return oldest, nil
	}
	stream, err := d.js.Stream(ctx, feed.Stream)
	if err != nil {
		return oldest, err
	}
	from := max(info.AckFloor.Stream+1, info.Config.OptStartSeq)
	for _, filter := range append(info.Config.FilterSubjects, info.Config.FilterSubject) {
		if filter == "" {
			continue
		}
		m, err := stream.GetMsg(ctx, from, jetstream.WithGetMsgSubject(filter))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			return oldest, err
		case oldest.IsZero() || m.Time.Before(oldest):
			oldest = m.Time
		}
	}
	return oldest, nil
}
