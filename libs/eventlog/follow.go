package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// ErrStop, returned by an apply function, ends a Follow without an error.
var ErrStop = errors.New("stop following")

// ErrShorter says that a stream ends before the position to go on from: it is not the stream that position is of.
var ErrShorter = errors.New("the stream ends before the position to follow from")

const (
	batchMessages = 1000
	batchBytes    = 4 << 20
	batchWait     = 20 * time.Millisecond
	heartbeat     = time.Second
)

// Follow applies every decision of EVENTS after the given sequence, in order, each once, in batches as they come; one that
// was forged comes without its facts. It returns when ctx ends or apply fails, and goes on by itself when a connection or
// a server is lost.
func (l *Log) Follow(ctx context.Context, after uint64, apply func(context.Context, []Recorded) error) error {
	return l.follow(ctx, streamEvents, after, apply, func(m stored) ([]Recorded, error) {
		r, err := m.decode()
		return []Recorded{r}, err
	})
}

// FollowActivity is Follow for the observations of ACTIVITY; those of one message are never split over two batches.
// What was observed longer ago than the stream keeps is not there.
func (l *Log) FollowActivity(ctx context.Context, after uint64, apply func(context.Context, []Recorded) error) error {
	return l.follow(ctx, streamActivity, after, apply, stored.decodeBatch)
}

func (l *Log) follow(ctx context.Context, stream string, after uint64, apply func(context.Context, []Recorded) error, decode func(stored) ([]Recorded, error)) error {
	last, err := l.lastSequence(ctx, stream)
	if err != nil {
		return err
	}
	if last < after {
		return fmt.Errorf("%w: %s ends at %d, asked for what follows %d", ErrShorter, stream, last, after)
	}
	o := ordered{server: l.server, stream: stream, next: after + 1, strict: stream == streamEvents}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	// Decoding the next batch goes on while the last one is applied.
	batches := make(chan []Recorded, 1)
	var readErr error
	go func() {
		defer close(batches)
		readErr = o.run(reading, func(messages []stored) error {
			var batch []Recorded
			for _, m := range messages {
				records, err := decode(m)
				if err != nil {
					// What precedes it is whole and is applied.
					return errors.Join(send(reading, batches, batch), err)
				}
				batch = append(batch, records...)
			}
			return send(reading, batches, batch)
		})
	}()
	for batch := range batches {
		if err := apply(ctx, batch); errors.Is(err, ErrStop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return readErr
}

func send(ctx context.Context, to chan<- []Recorded, batch []Recorded) error {
	if len(batch) == 0 {
		return nil
	}
	select {
	case to <- batch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Log) lastSequence(ctx context.Context, stream string) (uint64, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	return retried(ctx, l.server.patience, func(ctx context.Context) (uint64, error) {
		s, err := l.server.js.Stream(ctx, stream)
		if err != nil {
			return 0, err
		}
		return s.CachedInfo().State.LastSeq, nil
	})
}

// ordered reads a stream in order on a consumer of its own, made anew from the next message whenever it is lost.
type ordered struct {
	server *server
	stream string
	next   uint64
	// strict says that the stream's own sequences leave nothing out.
	strict bool
	// newest begins, each time, with the newest message of every subject.
	newest bool
}

var errGap = errors.New("a message is missing")

// run hands over messages in batches until ctx ends or take fails.
func (o *ordered) run(ctx context.Context, take func([]stored) error) error {
	for try := 0; ; try++ {
		before := o.next
		err := o.once(ctx, take)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var failed takeError
		if errors.As(err, &failed) {
			return failed.error
		}
		if errors.Is(err, ErrForbidden) {
			return err
		}
		if o.next != before {
			try = 0
		}
		if wait(ctx, try+3) != nil {
			return ctx.Err()
		}
	}
}

type takeError struct{ error }

// once reads on one consumer until it is lost.
func (o *ordered) once(ctx context.Context, take func([]stored) error) error {
	reconnected := o.server.nc.StatusChanged(nats.RECONNECTING)
	defer o.server.nc.RemoveStatusListener(reconnected)
	// The name is a secret: who knows it could take messages from this consumer.
	creating, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	config := jetstream.ConsumerConfig{
		Name: nuid.Next(), DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: o.next,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: 30 * time.Second,
	}
	if o.newest {
		o.next = 0
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverLastPerSubjectPolicy, 0
		// The plural keeps the filter out of the request's subject, which the server's permissions name.
		config.FilterSubjects = []string{">"}
	}
	consumer, err := o.server.js.CreateConsumer(creating, o.stream, config)
	if err != nil {
		return err
	}
	name := consumer.CachedInfo().Name
	defer func() {
		// A consumer that could not be deleted ends by its inactivity.
		gone, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if o.server.nc.IsConnected() {
			_ = o.server.js.DeleteConsumer(gone, o.stream, name)
		}
	}()
	messages, err := consumer.Messages(jetstream.PullMaxMessages(batchMessages), jetstream.PullExpiry(10*time.Second),
		jetstream.PullHeartbeat(heartbeat), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer messages.Stop()
	ctx, lost := context.WithCancel(ctx)
	defer lost()
	go func() {
		select {
		case <-reconnected:
			lost()
		case <-ctx.Done():
		}
	}()
	delivered, next := uint64(0), o.next
	for {
		var batch []stored
		size := 0
		// What has begun to come is not held back for long by what has not.
		soon, enough := ctx, context.CancelFunc(func() {})
		for {
			m, err := messages.Next(jetstream.NextContext(soon))
			if err != nil && ctx.Err() == nil && soon.Err() != nil {
				break
			}
			if err != nil {
				enough()
				return o.flush(batch, next, take, err)
			}
			meta, err := m.Metadata()
			if err == nil && (meta.Sequence.Consumer != delivered+1 || meta.Sequence.Stream < next || o.strict && meta.Sequence.Stream != next) {
				err = fmt.Errorf("%w: %s #%d after #%d", errGap, o.stream, meta.Sequence.Stream, next-1)
			}
			if err != nil {
				enough()
				return o.flush(batch, next, take, err)
			}
			delivered, next = delivered+1, meta.Sequence.Stream+1
			batch = append(batch, stored{m.Subject(), meta.Sequence.Stream, meta.Timestamp, m.Data(), m.Headers().Get("traceparent")})
			size += len(m.Data())
			if meta.NumPending == 0 || len(batch) >= batchMessages || size >= batchBytes {
				break
			}
			if len(batch) == 1 {
				soon, enough = context.WithTimeout(ctx, batchWait)
			}
		}
		enough()
		if err := o.flush(batch, next, take, nil); err != nil {
			return err
		}
	}
}

// flush hands over what was read before err.
func (o *ordered) flush(batch []stored, next uint64, take func([]stored) error, err error) error {
	if len(batch) > 0 {
		if terr := take(batch); terr != nil {
			return takeError{terr}
		}
		o.next = next
	}
	return err
}
