package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

const (
	// single is below how many pending records each decision is published by itself.
	single = 40
	// atomic is how many one atomic batch holds at most.
	atomic = 1000
)

// errTaken says that another writer was first; what it wrote is where to go on from.
var errTaken = errors.New("another writer appended")

// Writer merges EVENTS and ACTIVITY into AUDIT. Any number may run: the expected last sequence lets one of them through.
type Writer struct {
	Stream *Stream
	Log    *eventlog.Log
	Logger *slog.Logger
	Tracer trace.Tracer
}

// Run writes until ctx ends.
func (w *Writer) Run(ctx context.Context) error {
	for {
		err := w.once(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, errTaken) {
			w.Logger.WarnContext(ctx, "writing records was interrupted", "error", err)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// once reads both streams from where the records end and appends what follows, until something fails.
func (w *Writer) once(ctx context.Context) error {
	at, err := w.Stream.Last(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	events, activity := make(chan []eventlog.Recorded), make(chan []eventlog.Recorded)
	// The last message read of each may have facts left: it is read again.
	go follow(ctx, cancel, w.Log.Follow, before(at.Events), events)
	go follow(ctx, cancel, w.Log.FollowActivity, before(at.Activity), activity)
	m := merger{at: at, read: before(at.Events)}
	for {
		open := activity
		if len(m.waiting) > 10*atomic {
			open = nil // EVENTS first has to come as far as what these have seen
		}
		var batch []eventlog.Recorded
		select {
		case batch = <-events:
			m.events(batch)
		case batch = <-open:
			if err := m.wait(ctx, batch, w.Log.Tail); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		m.observations()
		appending, span := w.Tracer.Start(ctx, "record", trace.WithLinks(eventlog.Links(ctx, batch)...))
		err := w.append(appending, &m)
		span.End()
		if err != nil {
			return err
		}
	}
}

func before(c Cursor) uint64 { return max(c.Sequence, 1) - 1 }

type followFunc func(context.Context, uint64, func(context.Context, []eventlog.Recorded) error) error

func follow(ctx context.Context, cancel context.CancelCauseFunc, f followFunc, after uint64, out chan<- []eventlog.Recorded) {
	err := f(ctx, after, func(ctx context.Context, batch []eventlog.Recorded) error {
		select {
		case out <- batch:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	cancel(err)
}

// merger puts what was read into the one order.
type merger struct {
	at At
	// read is how far EVENTS was read.
	read    uint64
	waiting []waiting
	ready   []entry
}

// waiting is an observation and the position EVENTS has to reach before it.
type waiting struct {
	eventlog.Recorded
	after uint64
}

// entry is a record with how far both streams were read when it was made.
type entry struct {
	raw              []byte
	events, activity Cursor
	// last says that it is the last fact of its envelope.
	last bool
}

func (m *merger) events(batch []eventlog.Recorded) {
	for _, r := range batch {
		m.take("EVENTS", r, &m.at.Events)
		m.read = r.Sequence
	}
}

// wait lines observations up. What rests on a position was made when EVENTS had it: one that claims a later position than
// the leader has now claims what cannot be, and waits for what there is.
func (m *merger) wait(ctx context.Context, batch []eventlog.Recorded, leader func(context.Context) (uint64, error)) error {
	tail, known := uint64(0), false
	for _, r := range batch {
		after := r.Envelope.GetSeen()
		if after > m.read && !known {
			var err error
			if tail, err = leader(ctx); err != nil {
				return err
			}
			known = true
		}
		if known {
			after = min(after, tail)
		}
		m.waiting = append(m.waiting, waiting{r, after})
	}
	return nil
}

// observations takes those whose decision EVENTS has reached, in their own order.
func (m *merger) observations() {
	n := 0
	for ; n < len(m.waiting) && m.waiting[n].after <= m.read; n++ {
		m.take("ACTIVITY", m.waiting[n].Recorded, &m.at.Activity)
	}
	m.waiting = m.waiting[n:]
}

func (m *merger) take(stream string, r eventlog.Recorded, at *Cursor) {
	for i := range r.Envelope.GetFacts() {
		next := Cursor{r.Sequence, uint32(r.Index), uint32(i)}
		if !at.before(next) {
			continue // recorded already
		}
		*at = next
		m.ready = append(m.ready, entry{encode(stream, r, i), m.at.Events, m.at.Activity, i == len(r.Envelope.GetFacts())-1})
	}
}

// encode is the record of the i-th fact of an envelope, with its sealed values and the source's.
func encode(stream string, r eventlog.Recorded, i int) []byte {
	e := proto.CloneOf(r.Envelope)
	e.Facts = []*anypb.Any{e.Facts[i]}
	var sealed []*eventv1.Sealed
	for _, s := range e.Sealed {
		if s.Fact == int32(i) || s.Fact == -1 {
			sealed = append(sealed, s)
		}
	}
	e.Sealed = sealed
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(&auditv1.Record{
		Stream: stream, Sequence: r.Sequence, Part: uint32(r.Index), Index: uint32(i), StoredAt: timestamppb.New(r.Time), Envelope: e,
	})
	if err != nil {
		panic(fmt.Sprintf("an envelope that was read cannot be written: %v", err))
	}
	return raw
}

// append publishes everything that is ready.
func (w *Writer) append(ctx context.Context, m *merger) error {
	for len(m.ready) > 0 {
		n := cut(m.ready)
		var err error
		if n > 1 {
			err = w.batch(ctx, m.at.Records, m.ready[:n])
		} else {
			err = w.publish(ctx, m.at.Records, m.ready[0])
		}
		if err != nil {
			return err
		}
		m.at.Records += uint64(n)
		m.ready = m.ready[n:]
	}
	return nil
}

// cut is how many of the entries are published together: one decision where there are few, else as many whole decisions
// as one batch takes. A decision is not split, so that none is
// ever recorded in part, unless it holds more facts than a batch can.
func cut(ready []entry) int {
	end := 0
	for i, e := range ready {
		if i >= atomic {
			if end == 0 {
				end = atomic // more than a batch can hold: the next writer goes on within it
			}
			break
		}
		if e.last {
			if end = i + 1; len(ready) < single {
				break
			}
		}
	}
	return max(end, 1)
}

func (w *Writer) message(e entry) *nats.Msg {
	m := nats.NewMsg(w.Stream.subject)
	m.Data = e.raw
	m.Header.Set(headerEvents, e.events.String())
	m.Header.Set(headerActivity, e.activity.String())
	return m
}

func (w *Writer) publish(ctx context.Context, last uint64, e entry) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := w.Stream.js.PublishMsg(ctx, w.message(e), jetstream.WithExpectLastSequence(last), jetstream.WithExpectStream(w.Stream.name))
	return taken(err)
}

func (w *Writer) batch(ctx context.Context, last uint64, entries []entry) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	batch, err := jetstreamext.NewBatchPublisher(w.Stream.js)
	if err != nil {
		return err
	}
	for i, e := range entries[:len(entries)-1] {
		var options []jetstreamext.BatchMsgOpt
		if i == 0 {
			options = append(options, jetstreamext.WithBatchExpectLastSequence(last))
		}
		if err := batch.AddMsg(w.message(e), options...); err != nil {
			return taken(err)
		}
	}
	_, err = batch.CommitMsg(ctx, w.message(entries[len(entries)-1]))
	return taken(err)
}

// taken tells the loss of the race from failures; either way the stream itself says where to go on.
func taken(err error) error {
	var refused *jetstream.APIError
	if errors.As(err, &refused) && (refused.ErrorCode == 10071 || refused.ErrorCode == 10164) {
		return errTaken
	}
	return err
}
