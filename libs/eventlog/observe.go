package eventlog

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-dev/chancery/libs/aggregate"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

const (
	packedItems = 1000
	packedBytes = 512 << 10
)

// Observe stores one observation of 1..n facts in ACTIVITY and returns once it is durable. Observations made while an
// earlier message of their kind is under way share the next one. It is stored at least once, always under the same
// event id. Who, about what and whose record it is come from ctx's Meta; an observation that names no subject is about
// its actor.
func (l *Log) Observe(ctx context.Context, kind string, facts ...aggregate.Event) error {
	if !token.MatchString(kind) {
		return fmt.Errorf("kind %q is not one subject token", kind)
	}
	ctx, cancel := l.bound(ctx)
	defer cancel()
	m := MetaFrom(ctx)
	d := draft{facts: facts, organization: m.Organization, subject: m.Subject, seen: m.Seen}
	if d.subject == nil {
		d.subject = &eventv1.Subject{Kind: m.Actor.GetKind(), Id: m.Actor.GetId()}
	}
	if d.seen == 0 && l.frontier != nil {
		d.seen = l.frontier.Position()
	}
	envelope, _, err := l.envelope(ctx, d)
	if err != nil {
		return err
	}
	raw, err := deterministic.Marshal(envelope)
	if err != nil {
		return err
	}
	if len(raw) > packedBytes {
		return fmt.Errorf("%w: an observation of %d bytes", ErrTooLarge, len(raw))
	}
	w := &observation{&eventv1.Packed{Envelope: raw, Traceparent: traceParent(ctx)}, envelope.GetEventId(), make(chan error, 1)}
	l.packer(kind).add(w)
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, ctx.Err())
	}
}

type observation struct {
	item    *eventv1.Packed
	eventID string
	done    chan error
}

// packer stores the observations of one kind, one message at a time.
type packer struct {
	log     *Log
	subject string
	mu      sync.Mutex
	waiting []*observation
	busy    bool
}

func (l *Log) packer(kind string) *packer {
	if p, ok := l.packers.Load(kind); ok {
		return p.(*packer)
	}
	p, _ := l.packers.LoadOrStore(kind, &packer{log: l, subject: "activity." + l.service + "." + kind})
	return p.(*packer)
}

func (p *packer) add(w *observation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, w)
	if !p.busy {
		p.busy = true
		go p.run()
	}
}

func (p *packer) run() {
	for {
		batch := p.take()
		if batch == nil {
			return
		}
		err := p.publish(batch)
		for _, w := range batch {
			w.done <- err
		}
	}
}

// take is what fits the next message, nil once nothing waits.
func (p *packer) take() []*observation {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, size := 0, 0
	for n < len(p.waiting) && n < packedItems && (n == 0 || size+len(p.waiting[n].item.GetEnvelope()) <= packedBytes) {
		size += len(p.waiting[n].item.GetEnvelope())
		n++
	}
	batch := p.waiting[:n:n]
	p.waiting = p.waiting[n:]
	if n == 0 {
		p.waiting, p.busy = nil, false
		return nil
	}
	return batch
}

func (p *packer) publish(batch []*observation) error {
	// Not a caller's: the others of the batch still wait when one gives up.
	ctx, cancel := context.WithTimeout(context.Background(), p.log.timeout)
	defer cancel()
	message := &eventv1.Batch{Items: make([]*eventv1.Packed, len(batch))}
	for i, w := range batch {
		message.Items[i] = w.item
	}
	body, err := deterministic.Marshal(message)
	if err != nil {
		return err
	}
	_, err = p.log.server.publish(ctx, &nats.Msg{Subject: p.subject, Data: body, Header: nats.Header{
		jetstream.MsgIDHeader:          {batch[0].eventID},
		jetstream.ExpectedStreamHeader: {streamActivity},
	}}, nil)
	return err
}
