package testkit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// Begin is when the first record of Records was stored; each further one follows a second later.
var Begin = time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)

// Records are decisions as a log would hold them, made by hand for tests of views. The zero value is empty.
type Records struct {
	all      []eventlog.Recorded
	versions map[string]uint64
}

// Add appends one decision on the aggregate of a subject, "events.approval.grant.<id>", and returns the records.
func (r *Records) Add(subject string, facts ...aggregate.Event) *Records {
	return r.AddAs(subject, nil, facts...)
}

// AddAs is Add with an envelope changed as the test wants: actor, organisation, source.
func (r *Records) AddAs(subject string, change func(*eventv1.Envelope), facts ...aggregate.Event) *Records {
	parts := strings.Split(subject, ".")
	if len(parts) != 4 {
		panic(fmt.Sprintf("%q is not events.<service>.<kind>.<id>", subject))
	}
	if r.versions == nil {
		r.versions = map[string]uint64{}
	}
	r.versions[subject]++
	sequence := uint64(len(r.all) + 1)
	at := Begin.Add(time.Duration(sequence-1) * time.Second)
	id := uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, "record ", sequence)).String()
	e := &eventv1.Envelope{
		EventId: id, CommandId: id, RecordedAt: timestamppb.New(at), Actor: &eventv1.Actor{Id: "tester", Kind: "person"},
		Subject: &eventv1.Subject{Kind: parts[2], Id: parts[3]}, Organization: "organization", CorrelationId: id,
		SchemaVersion: 1, Version: r.versions[subject], Seen: sequence - 1,
	}
	if change != nil {
		change(e)
	}
	for _, f := range facts {
		packed, err := anypb.New(f)
		if err != nil {
			panic(err)
		}
		e.Facts = append(e.Facts, packed)
	}
	raw, err := proto.Marshal(e)
	if err != nil {
		panic(err)
	}
	r.all = append(r.all, eventlog.Recorded{Sequence: sequence, Time: at, Subject: subject, Envelope: e, Raw: raw, Facts: facts})
	return r
}

// All are the records in order.
func (r *Records) All() []eventlog.Recorded { return slices.Clone(r.all) }

// Reordered are the same records in another order that keeps each aggregate's own.
func Reordered(records []eventlog.Recorded, random *rand.Rand) []eventlog.Recorded {
	waiting := map[string][]eventlog.Recorded{}
	var turns []string
	for _, r := range records {
		waiting[r.Subject] = append(waiting[r.Subject], r)
		turns = append(turns, r.Subject)
	}
	random.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	out := make([]eventlog.Recorded, len(turns))
	for i, subject := range turns {
		out[i], waiting[subject] = waiting[subject][0], waiting[subject][1:]
		out[i].Sequence = uint64(i + 1)
	}
	return out
}
