package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/services/audit/internal/record"
)

const (
	// Stream is the name of the feed's stream.
	Stream = "LIFECYCLE"
	// Kept is how long it holds an event; older ones are read from the records.
	Kept = 90 * 24 * time.Hour

	headerRecord = "Chancery-Record"
	inFlight     = 200
)

// Source is the records as they are followed.
type Source interface {
	Follow(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error
}

// Writer makes the feed of the records. Any number may run: the expected last sequence lets one of them through, and the
// feed's own last event says where to go on.
type Writer struct {
	JS      jetstream.JetStream
	Records Source
	// Base is the address that names the suite in events.
	Base   string
	Clock  func() time.Time
	Logger *slog.Logger
}

// errTaken says that another writer was first.
var errTaken = errors.New("another writer appended")

// Run writes until ctx ends.
func (w *Writer) Run(ctx context.Context) error {
	for {
		err := w.once(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, errTaken) {
			w.Logger.WarnContext(ctx, "writing the feed was interrupted", "error", err)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *Writer) once(ctx context.Context) error {
	last, record, err := Last(ctx, w.JS)
	if err != nil {
		return err
	}
	return w.Records.Follow(ctx, record, func(ctx context.Context, batch []eventlog.Recorded) error {
		for len(batch) > 0 {
			n := min(len(batch), inFlight)
			if err := w.write(ctx, &last, batch[:n]); err != nil {
				return err
			}
			batch = batch[n:]
		}
		return nil
	})
}

// Last is the feed's last sequence and the position of the record its last event was made of; where every event has aged
// out, that of no record.
func Last(ctx context.Context, js jetstream.JetStream) (sequence, record uint64, err error) {
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return 0, 0, err
	}
	sequence = stream.CachedInfo().State.LastSeq
	m, err := stream.GetLastMsgForSubject(ctx, root+">")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return sequence, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	record, err = recordOf(m)
	return m.Sequence, record, err
}

func recordOf(m *jetstream.RawStreamMsg) (uint64, error) {
	record, err := strconv.ParseUint(m.Header.Get(headerRecord), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("event %d of the feed names no record", m.Sequence)
	}
	return record, nil
}

// write publishes the events of a batch of records one behind the other, each expecting the one before.
func (w *Writer) write(ctx context.Context, last *uint64, batch []eventlog.Recorded) error {
	var sent []jetstream.PubAckFuture
	for _, r := range batch {
		m, err := w.message(r)
		if err != nil {
			return fmt.Errorf("record %d: %w", r.Sequence, err)
		}
		if m == nil {
			continue
		}
		future, err := w.JS.PublishMsgAsync(m, jetstream.WithExpectLastSequence(*last+uint64(len(sent))), jetstream.WithExpectStream(Stream))
		if err != nil {
			return err
		}
		sent = append(sent, future)
	}
	for _, future := range sent {
		select {
		case <-future.Ok():
			*last++
		case err := <-future.Err():
			return taken(err)
		case <-time.After(5 * time.Second):
			return errors.New("the feed does not answer")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// message is the event of a record; nil for what the feed does not carry.
func (w *Writer) message(r eventlog.Recorded) (*nats.Msg, error) {
	if r.Subject != "EVENTS" || r.Time.Before(w.Clock().Add(-Kept)) {
		return nil, nil
	}
	rec, fact, err := record.Decode(r.Raw)
	if err != nil {
		return nil, err
	}
	event, err := Of(w.Base, r.Sequence, r.Raw, rec, fact)
	if err != nil {
		return nil, err
	}
	m := nats.NewMsg(subject(rec))
	if m.Data, err = json.Marshal(event); err != nil {
		return nil, err
	}
	m.Header.Set(jetstream.MsgIDHeader, event.ID)
	m.Header.Set(headerRecord, strconv.FormatUint(r.Sequence, 10))
	return m, nil
}

func taken(err error) error {
	var refused *jetstream.APIError
	if errors.As(err, &refused) && (refused.ErrorCode == 10071 || refused.ErrorCode == 10164) {
		return errTaken
	}
	return err
}

// After is the sequence in the feed of the first event made of a record after a position; one beyond the last if there is
// none yet. whole is false where events have aged out that it would have begun with.
func After(ctx context.Context, js jetstream.JetStream, position uint64) (sequence uint64, whole bool, err error) {
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return 0, false, err
	}
	state := stream.CachedInfo().State
	low, high := max(state.FirstSeq, 1), state.LastSeq+1
	first := low
	for low < high {
		mid := (low + high) / 2
		m, err := stream.GetMsg(ctx, mid)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			low = mid + 1 // aged out meanwhile
			continue
		}
		if err != nil {
			return 0, false, err
		}
		record, err := recordOf(m)
		if err != nil {
			return 0, false, err
		}
		if record <= position {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low > first || first == 1, nil
}
