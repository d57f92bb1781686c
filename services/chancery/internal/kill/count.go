package kill

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// place is where a fact stands in EVENTS.
type place struct {
	sequence uint64
	index    uint32
}

// Counted is what the streams hold.
type Counted struct {
	decisions map[uint64]*eventv1.Envelope
	commands  map[string]int
	facts     int
	recorded  map[place]int
	disorder  []string
}

// Count reads EVENTS and AUDIT as they lie on the server, by nothing of what wrote them.
func Count(ctx context.Context, log, audit *nats.Conn) (*Counted, error) {
	c := &Counted{decisions: map[uint64]*eventv1.Envelope{}, commands: map[string]int{}, recorded: map[place]int{}}
	err := read(ctx, log, "EVENTS", func(m jetstream.Msg, at uint64) error {
		e := &eventv1.Envelope{}
		if err := proto.Unmarshal(m.Data(), e); err != nil {
			return err
		}
		c.decisions[at] = e
		c.facts += len(e.GetFacts())
		c.commands[e.GetCommandId()+" "+m.Subject()]++
		return nil
	})
	if err != nil {
		return nil, err
	}
	var last place
	return c, read(ctx, audit, "AUDIT_1", func(m jetstream.Msg, at uint64) error {
		r := &auditv1.Record{}
		if err := proto.Unmarshal(m.Data(), r); err != nil {
			return err
		}
		if r.GetStream() != "EVENTS" {
			return nil
		}
		here := place{r.GetSequence(), r.GetIndex()}
		if here.sequence < last.sequence || here.sequence == last.sequence && here.index <= last.index && last.sequence > 0 {
			c.disorder = append(c.disorder, fmt.Sprintf("record %d is of #%d.%d, after #%d.%d", at, here.sequence, here.index, last.sequence, last.index))
		}
		last = here
		c.recorded[here]++
		return nil
	})
}

// Wrong says what is lost, doubled or out of order: of the accepted commands in EVENTS, and of EVENTS in AUDIT.
func (c *Counted) Wrong(accepted []Accepted) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	taken := map[uint64]string{}
	for _, a := range accepted {
		e := c.decisions[a.Position]
		switch {
		case e == nil:
			say("%s was accepted at #%d, where EVENTS holds nothing", a.What, a.Position)
		case taken[a.Position] != "":
			say("%s and %s were both accepted at #%d", a.What, taken[a.Position], a.Position)
		}
		taken[a.Position] = a.What
	}
	for command, n := range c.commands {
		if n > 1 {
			say("command %s was carried out %d times", command, n)
		}
	}
	for at, e := range c.decisions {
		for i := range e.GetFacts() {
			if n := c.recorded[place{at, uint32(i)}]; n != 1 {
				say("fact #%d.%d is recorded %d times", at, i, n)
			}
		}
	}
	if len(c.recorded) != c.facts {
		say("AUDIT records %d facts of EVENTS, which holds %d", len(c.recorded), c.facts)
	}
	return append(wrong, c.disorder...)
}

// Sizes are how many decisions, facts and records of them there are.
func (c *Counted) Sizes() (decisions, facts, records int) {
	return len(c.decisions), c.facts, len(c.recorded)
}

// read reads a stream from its first message to the one that is last now.
func read(ctx context.Context, nc *nats.Conn, name string, take func(m jetstream.Msg, at uint64) error) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return err
	}
	tail := stream.CachedInfo().State.LastSeq
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil || tail == 0 {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for at := uint64(0); at < tail; {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("%s at #%d: %w", name, at, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		at = meta.Sequence.Stream
		if err := take(m, at); err != nil {
			return fmt.Errorf("%s at #%d: %w", name, at, err)
		}
	}
	return nil
}
