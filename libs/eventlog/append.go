package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// schemaVersion is the version of the envelope this program writes.
const schemaVersion = 1

// prior is what the next decision of an aggregate must know of those before it.
type prior struct {
	sequence uint64
	version  uint64
	// chain holds the newest sequences, newest first, the prior's own included.
	chain chain
}

// written is a decision as it was stored.
type written struct {
	prior
	envelope *eventv1.Envelope
	// facts are as stored: personal fields are empty.
	facts []aggregate.Event
	// repeated says that another run of the same command was first: envelope and facts are that one's.
	repeated bool
}

// Append stores one decision of 1..n facts as one message, if the aggregate's last message is still the one at expected
// (0: it has none), and returns its position once it is durable. A repeat of the caller's command that is already
// stored after expected answers with the position it has. Who and why come from ctx's Meta.
func (l *Log) Append(ctx context.Context, subject string, expected uint64, facts ...aggregate.Event) (uint64, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	var before prior
	if expected != 0 {
		r, err := l.at(ctx, subject, expected)
		if errors.Is(err, ErrIncomplete) {
			return 0, fmt.Errorf("%w: %w", ErrConflict, err)
		}
		if err != nil {
			return 0, err
		}
		if before, err = priorOf(r); err != nil {
			return 0, err
		}
	}
	m := MetaFrom(ctx)
	seen := m.Seen
	if seen == 0 && l.frontier != nil {
		seen = l.frontier.Position()
	}
	w, err := l.append(ctx, subject, before, draft{facts: facts, organization: m.Organization, seen: max(seen, expected)})
	return w.sequence, err
}

// draft is what a decision says beyond its Meta.
type draft struct {
	facts        []aggregate.Event
	subject      *eventv1.Subject
	organization string
	person       string
	seen         uint64
}

func (l *Log) append(ctx context.Context, subject string, before prior, d draft) (written, error) {
	kind, id, err := l.parse(subject)
	if err != nil {
		return written{}, err
	}
	for _, f := range d.facts {
		if name := f.ProtoReflect().Descriptor().FullName(); !ownFact(l.service, name) {
			return written{}, fmt.Errorf("%w: %s is not a fact of %s", ErrForbidden, name, l.service)
		}
	}
	d.subject = &eventv1.Subject{Kind: kind, Id: id, Person: d.person}
	envelope, kept, err := l.envelope(ctx, d)
	if err != nil {
		return written{}, err
	}
	envelope.Version = before.version + 1
	envelope.Earlier = before.chain.deltas()
	body, err := deterministic.Marshal(envelope)
	if err != nil {
		return written{}, err
	}
	msg := &nats.Msg{Subject: subject, Data: body, Header: nats.Header{
		jetstream.MsgIDHeader:               {envelope.GetEventId()},
		jetstream.ExpectedStreamHeader:      {streamEvents},
		jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(before.sequence, 10)},
	}}
	if trace := traceParent(ctx); trace != "" {
		msg.Header["traceparent"] = []string{trace}
	}
	var same *Recorded
	at, err := l.server.publish(ctx, msg, func(ctx context.Context) (uint64, error) {
		var err error
		if same, err = l.find(ctx, subject, before.sequence, envelope); err != nil || same == nil {
			return 0, err
		}
		return same.Sequence, nil
	})
	if errors.Is(err, errStale) {
		return written{}, fmt.Errorf("%w: %s after #%d", ErrConflict, subject, before.sequence)
	}
	if err != nil {
		return written{}, err
	}
	if same != nil && same.Envelope.GetEventId() != envelope.GetEventId() {
		after, err := priorOf(*same)
		return written{after, same.Envelope, same.Facts, true}, err
	}
	after := prior{at, envelope.GetVersion(), append(chain{at}, before.chain[:min(len(before.chain), earlierLimit-1)]...)}
	return written{after, envelope, kept, false}, nil
}

var deterministic = proto.MarshalOptions{Deterministic: true}

// envelope is what is stored of a draft, its personal values sealed, and the facts as they are stored.
func (l *Log) envelope(ctx context.Context, d draft) (*eventv1.Envelope, []aggregate.Event, error) {
	if len(d.facts) == 0 {
		return nil, nil, errors.New("a decision without facts")
	}
	m := MetaFrom(ctx)
	event, err := uuid.NewV7()
	if err != nil {
		return nil, nil, err
	}
	command := m.CommandID
	if command == "" {
		command = event.String()
	}
	e := &eventv1.Envelope{
		EventId: event.String(), CommandId: command, RecordedAt: timestamppb.New(l.clock()),
		Actor: m.Actor, OnBehalfOf: m.OnBehalfOf, Source: m.Source, Assurance: m.Assurance, Subject: d.subject,
		CorrelationId: m.CorrelationID, CausationId: m.CausationID,
		Organization: d.organization, SchemaVersion: schemaVersion, Seen: d.seen,
	}
	kept, err := seal(ctx, l.vault, e, d.facts)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range kept {
		packed := new(anypb.Any)
		if err := anypb.MarshalFrom(packed, f, deterministic); err != nil {
			return nil, nil, err
		}
		e.Facts = append(e.Facts, packed)
	}
	return e, kept, nil
}

// find looks for the decision, or another run of the same command, among what the leader holds of subject after the
// expected sequence: somebody may have appended on top of it. It is nil if it is not there.
func (l *Log) find(ctx context.Context, subject string, expected uint64, sent *eventv1.Envelope) (*Recorded, error) {
	last, err := l.tail(ctx, subject, true)
	if err != nil || last == nil {
		return nil, err
	}
	for r := *last; r.Sequence > expected; {
		if r.Envelope.GetEventId() == sent.GetEventId() || r.Envelope.GetCommandId() == sent.GetCommandId() {
			return &r, nil
		}
		earlier, err := expand(r.Envelope.GetEarlier())
		if err != nil || len(earlier) == 0 {
			return nil, err
		}
		if r, err = l.at(ctx, subject, earlier[0]); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func priorOf(r Recorded) (prior, error) {
	earlier, err := expand(r.Envelope.GetEarlier())
	if err != nil {
		return prior{}, err
	}
	return prior{r.Sequence, r.Envelope.GetVersion(), append(chain{r.Sequence}, earlier...)}, nil
}
