// Package record is the AUDIT stream: what audit read of EVENTS and ACTIVITY, one record a fact, in the one order auditors see.
package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
)

// Shard is the shard records are appended to.
const Shard = 1

// ErrNoRecord says that there is no record at a position.
var ErrNoRecord = errors.New("no such record")

const (
	headerEvents   = "Chancery-Events"
	headerActivity = "Chancery-Activity"
)

// Stream is the AUDIT stream.
type Stream struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	stream  jetstream.Stream
	name    string
	subject string
}

// Open finds the stream.
func Open(ctx context.Context, nc *nats.Conn) (*Stream, error) {
	js, err := eventlog.JetStream(ctx, nc, eventlog.APIAudit)
	if err != nil {
		return nil, err
	}
	s := &Stream{nc: nc, js: js, name: fmt.Sprintf("AUDIT_%d", Shard), subject: fmt.Sprintf("audit.%d", Shard)}
	if s.stream, err = js.Stream(ctx, s.name); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return s, nil
}

// Cursor names a fact of a stream: its message, the envelope in it and the fact in that.
type Cursor struct {
	Sequence    uint64
	Part, Index uint32
}

func (c Cursor) before(d Cursor) bool {
	switch {
	case c.Sequence != d.Sequence:
		return c.Sequence < d.Sequence
	case c.Part != d.Part:
		return c.Part < d.Part
	}
	// The zero cursor stands before every fact: sequences begin at 1.
	return c.Index < d.Index
}

// String is "sequence.part.index".
func (c Cursor) String() string { return fmt.Sprintf("%d.%d.%d", c.Sequence, c.Part, c.Index) }

func parseCursor(text string) (c Cursor, err error) {
	_, err = fmt.Sscanf(text, "%d.%d.%d", &c.Sequence, &c.Part, &c.Index)
	return c, err
}

// At is how far the records have come.
type At struct {
	// Records is how many there are: the position of the last.
	Records uint64
	// Events and Activity are the last facts recorded of each.
	Events, Activity Cursor
}

// Last reads from the last record how far the records have come.
func (s *Stream) Last(ctx context.Context) (At, error) {
	m, err := s.stream.GetLastMsgForSubject(ctx, s.subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return At{}, nil
	}
	if err != nil {
		return At{}, err
	}
	at := At{Records: m.Sequence}
	if at.Events, err = parseCursor(m.Header.Get(headerEvents)); err != nil {
		return At{}, fmt.Errorf("record %d: %w", m.Sequence, err)
	}
	if at.Activity, err = parseCursor(m.Header.Get(headerActivity)); err != nil {
		return At{}, fmt.Errorf("record %d: %w", m.Sequence, err)
	}
	return at, nil
}

// Raw is the bytes of the record at a position, which are the bytes of its leaf.
func (s *Stream) Raw(ctx context.Context, position uint64) ([]byte, error) {
	m, err := s.stream.GetMsg(ctx, position)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, ErrNoRecord
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// Recorded is a record as the opener of sealed values takes it: the fact stands at its index, those before it are left out.
func Recorded(position uint64, raw []byte) (eventlog.Recorded, *auditv1.Record, error) {
	rec, fact, err := Decode(raw)
	if err != nil {
		return eventlog.Recorded{}, nil, err
	}
	facts := make([]aggregate.Event, rec.Index+1)
	facts[rec.Index] = fact
	return eventlog.Recorded{
		Sequence: position, Index: int(rec.Part), Time: rec.StoredAt.AsTime(), Subject: rec.Stream, Envelope: rec.Envelope, Raw: raw, Facts: facts,
	}, rec, nil
}

// Decode reads the bytes of one record.
func Decode(raw []byte) (*auditv1.Record, aggregate.Event, error) {
	rec := new(auditv1.Record)
	if err := proto.Unmarshal(raw, rec); err != nil {
		return nil, nil, err
	}
	facts := rec.GetEnvelope().GetFacts()
	if len(facts) != 1 {
		return nil, nil, fmt.Errorf("a record of %d facts", len(facts))
	}
	fact, err := facts[0].UnmarshalNew()
	if err != nil {
		return rec, nil, nil // a type this program does not know is passed on
	}
	return rec, fact, nil
}

// Follow applies every record after a position, in order, in batches as they come. The records' own bytes are Raw, their
// position Sequence, Time when their source stored them, and the one fact stands alone.
func (s *Stream) Follow(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error {
	for {
		err := s.follow(ctx, &after, apply)
		switch {
		case errors.Is(err, eventlog.ErrStop):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		var failed applyError
		if errors.As(err, &failed) {
			return failed.error
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

type applyError struct{ error }

func (s *Stream) follow(ctx context.Context, after *uint64, apply func(context.Context, []eventlog.Recorded) error) error {
	consumer, err := s.js.CreateConsumer(ctx, s.name, jetstream.ConsumerConfig{
		Name: nuid.Next(), DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: *after + 1,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1000), jetstream.PullExpiry(10*time.Second),
		jetstream.PullHeartbeat(time.Second), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		var batch []eventlog.Recorded
		for {
			m, err := messages.Next(jetstream.NextContext(ctx))
			if err != nil {
				return err
			}
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			if meta.Sequence.Stream != *after+uint64(len(batch))+1 {
				return fmt.Errorf("record %d came after %d", meta.Sequence.Stream, *after+uint64(len(batch)))
			}
			r, rec, err := Recorded(meta.Sequence.Stream, m.Data())
			if err != nil {
				return applyError{fmt.Errorf("record %d: %w", meta.Sequence.Stream, err)}
			}
			r.Facts = r.Facts[rec.Index:]
			batch = append(batch, r)
			if meta.NumPending == 0 || len(batch) == 1000 {
				break
			}
		}
		if err := apply(ctx, batch); errors.Is(err, eventlog.ErrStop) {
			return err
		} else if err != nil {
			return applyError{err}
		}
		*after = batch[len(batch)-1].Sequence
	}
}
