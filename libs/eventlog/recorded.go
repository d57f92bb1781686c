package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/chancery-dev/chancery/libs/aggregate"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// ErrCorrupt says that stored bytes are not what this version wrote: a follower that meets them stops.
var ErrCorrupt = errors.New("the log holds a message that cannot be read")

// Recorded is one stored decision or observation.
type Recorded struct {
	// Sequence is the stream's; observations packed into one message share it.
	Sequence uint64
	// Index counts the observations of one message from 0; it is 0 in EVENTS.
	Index int
	// Time is the stream's own.
	Time     time.Time
	Subject  string
	Envelope *eventv1.Envelope
	// Raw is the envelope exactly as it was stored.
	Raw []byte
	// Facts holds nil in place of a fact whose type this program does not know.
	Facts []aggregate.Event
	// Forged says that the writer told of what is not its own: another service's facts, or another aggregate than the
	// subject names, which the server guards. Such a decision has no Facts; its envelope still shows what was tried.
	Forged bool
	// TraceParent is the W3C trace context of the request that led here, empty if it was not traced.
	TraceParent string
}

// FactID is the id of the i-th fact, the same in every format that tells of it.
func (r Recorded) FactID(i int) string { return r.Envelope.GetEventId() + "." + strconv.Itoa(i) }

// Known says whether this program knows the type of every fact.
func (r Recorded) Known() bool {
	for _, f := range r.Facts {
		if f == nil {
			return false
		}
	}
	return true
}

// Service is the service that recorded it, taken from the subject, which the server guards.
func (r Recorded) Service() string {
	parts := strings.SplitN(r.Subject, ".", 3)
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}

// ownFact says whether a service may tell facts of a type: those of its own package, and those every service has.
func ownFact(service string, name protoreflect.FullName) bool {
	owner, _, _ := strings.Cut(string(name), ".")
	return owner == service || owner == "event"
}

// disown leaves out the facts of a decision that is not its writer's to make.
func (r Recorded) disown() Recorded {
	subject, service := r.Envelope.GetSubject(), r.Service()
	if r.Subject != "events."+service+"."+subject.GetKind()+"."+subject.GetId() {
		r.Forged = true
	}
	for _, packed := range r.Envelope.GetFacts() {
		if !ownFact(service, packed.MessageName()) {
			r.Forged = true
		}
	}
	if r.Forged {
		r.Facts = nil
	}
	return r
}

// Trace returns ctx continuing the trace of the request that led here.
func (r Recorded) Trace(ctx context.Context) context.Context {
	if r.TraceParent == "" {
		return ctx
	}
	return traceContext.Extract(ctx, propagation.MapCarrier{"traceparent": r.TraceParent})
}

var traceContext = propagation.TraceContext{}

func traceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	traceContext.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// DecodeEnvelope reads the bytes of one envelope and its facts; a fact of an unknown type is nil.
func DecodeEnvelope(raw []byte) (*eventv1.Envelope, []aggregate.Event, error) {
	envelope := new(eventv1.Envelope)
	if err := proto.Unmarshal(raw, envelope); err != nil {
		return nil, nil, fmt.Errorf("%w: envelope: %w", ErrCorrupt, err)
	}
	if envelope.GetEventId() == "" {
		return nil, nil, fmt.Errorf("%w: an envelope without an id", ErrCorrupt)
	}
	if len(envelope.GetFacts()) == 0 {
		return nil, nil, fmt.Errorf("%w: envelope %s has no facts", ErrCorrupt, envelope.GetEventId())
	}
	facts := make([]aggregate.Event, len(envelope.GetFacts()))
	for i, packed := range envelope.GetFacts() {
		fact, err := packed.UnmarshalNew()
		if errors.Is(err, protoregistry.NotFound) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%w: fact %s.%d: %w", ErrCorrupt, envelope.GetEventId(), i, err)
		}
		facts[i] = fact
	}
	return envelope, facts, nil
}

// stored is a message as a stream holds it.
type stored struct {
	subject     string
	sequence    uint64
	time        time.Time
	body        []byte
	traceParent string
}

func (m stored) decode() (Recorded, error) {
	envelope, facts, err := DecodeEnvelope(m.body)
	if err != nil {
		return Recorded{}, fmt.Errorf("%s #%d: %w", m.subject, m.sequence, err)
	}
	r := Recorded{Sequence: m.sequence, Time: m.time, Subject: m.subject, Envelope: envelope, Raw: m.body,
		Facts: facts, TraceParent: m.traceParent}
	if strings.HasPrefix(m.subject, "events.") {
		r = r.disown()
	}
	return r, nil
}

// DecodeBatch reads the body of one message of ACTIVITY.
func DecodeBatch(body []byte) ([]Recorded, error) { return stored{body: body}.decodeBatch() }

func (m stored) decodeBatch() ([]Recorded, error) {
	batch := new(eventv1.Batch)
	if err := proto.Unmarshal(m.body, batch); err != nil {
		return nil, fmt.Errorf("%s #%d: %w: batch: %w", m.subject, m.sequence, ErrCorrupt, err)
	}
	if len(batch.GetItems()) == 0 {
		return nil, fmt.Errorf("%s #%d: %w: an empty batch", m.subject, m.sequence, ErrCorrupt)
	}
	out := make([]Recorded, len(batch.GetItems()))
	for i, item := range batch.GetItems() {
		one := stored{m.subject, m.sequence, m.time, item.GetEnvelope(), item.GetTraceparent()}
		r, err := one.decode()
		if err != nil {
			return nil, err
		}
		r.Index = i
		out[i] = r
	}
	return out, nil
}

// Earlier is the sequences of the aggregate's messages before this one that an envelope names, newest first.
func Earlier(e *eventv1.Envelope) ([]uint64, error) { return expand(e.GetEarlier()) }

// chain is where an aggregate's messages are, newest first.
type chain []uint64

// expand reads absolute sequences, newest first, out of an envelope's deltas.
func expand(deltas []uint64) (chain, error) {
	out := make(chain, len(deltas))
	for i, d := range deltas {
		switch {
		case d == 0:
			return nil, fmt.Errorf("%w: a distance of nothing between messages", ErrCorrupt)
		case i == 0:
			out[0] = d
		case d >= out[i-1]:
			return nil, fmt.Errorf("%w: a distance beyond the start of the log", ErrCorrupt)
		default:
			out[i] = out[i-1] - d
		}
	}
	return out, nil
}

// earlierLimit bounds what an envelope says of where its predecessors are; a longer chain goes on from the oldest of them.
const earlierLimit = 64

// deltas is the form of the newest sequences that an envelope carries.
func (c chain) deltas() []uint64 {
	n := min(len(c), earlierLimit)
	out := make([]uint64, n)
	for i := range n {
		if i == 0 {
			out[0] = c[0]
		} else {
			out[i] = c[i-1] - c[i]
		}
	}
	return out
}
