package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
)

// Source is one stream the records are made of, up to where it is compared.
type Source struct {
	Name   string
	Follow func(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error
	To     uint64
}

// Counted is what a comparison went through.
type Counted struct {
	Records      uint64
	Events       uint64
	Observations uint64
	// Unread is how many records tell of observations that have aged out of their stream.
	Unread uint64
	// Waiting is how many facts and observations stand behind the last recorded: a writer records them when it runs.
	Waiting uint64
}

// Compare reads the first records up to a position and both sources beside them: every fact before the last recorded has to
// be there once, in its source's order, as its source has it. It calls wrong for every difference and ends with an error where it cannot go on.
func Compare(ctx context.Context, s *Stream, to uint64, sources []Source, wrong func(format string, args ...any)) (Counted, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	expected := map[string]*expectation{}
	for _, source := range sources {
		expected[source.Name] = expect(ctx, cancel, source)
	}
	var n Counted
	if to > 0 {
		err := s.Follow(ctx, 0, func(ctx context.Context, batch []eventlog.Recorded) error {
			for _, r := range batch {
				if r.Sequence > to {
					return eventlog.ErrStop
				}
				if err := one(ctx, r, expected, &n, wrong); err != nil {
					return err
				}
			}
			if batch[len(batch)-1].Sequence >= to {
				return eventlog.ErrStop
			}
			return nil
		})
		if err != nil {
			return n, errors.Join(err, context.Cause(ctx))
		}
	}
	for _, source := range sources {
		e := expected[source.Name]
		for _, ok := e.next(ctx); ok; _, ok = e.next(ctx) {
			n.Waiting++
		}
	}
	if err := context.Cause(ctx); err != nil {
		return n, err
	}
	return n, nil
}

func one(ctx context.Context, r eventlog.Recorded, expected map[string]*expectation, n *Counted, wrong func(string, ...any)) error {
	rec := new(auditv1.Record)
	if err := proto.Unmarshal(r.Raw, rec); err != nil {
		return fmt.Errorf("record %d: %w", r.Sequence, err)
	}
	n.Records++
	at := Cursor{rec.Sequence, rec.Part, rec.Index}
	e := expected[rec.Stream]
	if e == nil {
		wrong("record %d is of stream %q", r.Sequence, rec.Stream)
		return nil
	}
	if rec.Stream == "EVENTS" {
		n.Events++
	} else {
		n.Observations++
	}
	if !e.last.before(at) {
		wrong("record %d: %s %s comes after %s", r.Sequence, rec.Stream, at, e.last)
		return nil
	}
	e.last = at
	for {
		x, ok := e.peek(ctx)
		switch {
		case !ok || at.before(x.at):
			if rec.Stream == "ACTIVITY" && (!ok || !e.begun) {
				n.Unread++ // aged out
				return ctx.Err()
			}
			wrong("record %d: %s %s is not in its stream", r.Sequence, rec.Stream, at)
			return ctx.Err()
		case x.at == at:
			e.next(ctx)
			if e.begun = true; !bytes.Equal(x.raw, r.Raw) && !same(x.raw, r.Raw) {
				wrong("record %d: %s %s says something else in its stream", r.Sequence, rec.Stream, at)
			}
			return nil
		}
		wrong("%s %s is not recorded", rec.Stream, x.at)
		e.next(ctx)
	}
}

// same compares what other programs may have written in another order of bytes.
func same(a, b []byte) bool {
	x, y := new(auditv1.Record), new(auditv1.Record)
	return proto.Unmarshal(a, x) == nil && proto.Unmarshal(b, y) == nil && proto.Equal(x, y)
}

type wanted struct {
	at  Cursor
	raw []byte
}

// expectation is what the records of one source have to be, one after the other.
type expectation struct {
	last  Cursor
	begun bool
	from  chan wanted
	head  *wanted
}

func expect(ctx context.Context, cancel context.CancelCauseFunc, source Source) *expectation {
	e := &expectation{from: make(chan wanted, 1000)}
	if source.To == 0 {
		close(e.from)
		return e
	}
	go func() {
		err := source.Follow(ctx, 0, func(ctx context.Context, batch []eventlog.Recorded) error {
			for _, r := range batch {
				if r.Sequence > source.To {
					return eventlog.ErrStop
				}
				for i := range r.Envelope.GetFacts() {
					select {
					case e.from <- wanted{Cursor{r.Sequence, uint32(r.Index), uint32(i)}, encode(source.Name, r, i)}:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			}
			if batch[len(batch)-1].Sequence >= source.To {
				return eventlog.ErrStop
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			cancel(fmt.Errorf("%s: %w", source.Name, err))
			return
		}
		close(e.from)
	}()
	return e
}

func (e *expectation) peek(ctx context.Context) (wanted, bool) {
	if e.head == nil {
		select {
		case x, ok := <-e.from:
			if !ok {
				return wanted{}, false
			}
			e.head = &x
		case <-ctx.Done():
			return wanted{}, false
		}
	}
	return *e.head, true
}

func (e *expectation) next(ctx context.Context) (wanted, bool) {
	x, ok := e.peek(ctx)
	e.head = nil
	return x, ok
}
