package oauth

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

const (
	// singly is how many refusals of one address are recorded one by one in each window.
	singly = 20
	// window is the time over which further ones are counted.
	window = time.Minute
	// apart bounds what is counted apart; beyond it refusals count together by what was wrong.
	apart = 10_000
)

// refusals records what was refused: one by one up to a limit for each address and minute, then as one observation with a
// count, since anybody may cause them. The zero value is ready.
type refusals struct {
	mu      sync.Mutex
	sources map[string]*source
	counted map[refused]uint64
}

type source struct {
	since time.Time
	told  int
}

// refused is what refusals have alike that are counted together.
type refused struct {
	client, organization string
	reason               string // of a TokenRejected
	replay               string // kind of a ReplayDetected
}

// facts of a known client whose secret is no good for ever say besides that somebody holds it who should not (D4).
func (k refused) facts(count uint64, at time.Time) []aggregate.Event {
	if k.replay != "" {
		return []aggregate.Event{&activityv1.ReplayDetected{ClientId: k.client, Kind: k.replay, Count: count}}
	}
	facts := []aggregate.Event{&activityv1.TokenRejected{ClientId: k.client, Reason: k.reason, Count: count}}
	if k.organization != "" && (k.reason == "retired" || k.reason == "revoked") {
		facts = append(facts, &activityv1.RetiredCredentialUsed{CredentialId: k.client, State: k.reason, Count: count, LastAt: timestamppb.New(at), Authorizer: "issuance"})
	}
	return facts
}

func (k refused) kind() string {
	if k.replay != "" {
		return "replay"
	}
	return "token_rejected"
}

// about names what the observation is about: the client, or the door if nobody is known to have come.
func (k refused) about(ctx context.Context) context.Context {
	m := eventlog.MetaFrom(ctx)
	m.Organization, m.Subject = k.organization, &eventv1.Subject{Kind: "credential", Id: k.client}
	if k.organization == "" {
		m.Subject = &eventv1.Subject{Kind: "service", Id: "issuance"}
	}
	return eventlog.WithMeta(ctx, m)
}

// later counts a refusal instead of having it recorded now.
func (r *refusals) later(address string, key refused, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sources == nil {
		r.sources, r.counted = map[string]*source{}, map[refused]uint64{}
	}
	if _, known := r.sources[address]; !known && len(r.sources) >= apart {
		address = ""
	}
	from := r.sources[address]
	if from == nil || now.Sub(from.since) >= window {
		from = &source{since: now}
		r.sources[address] = from
	}
	if from.told < singly {
		from.told++
		return false
	}
	if _, known := r.counted[key]; !known && len(r.counted) >= apart {
		key.client, key.organization = "", ""
	}
	r.counted[key]++
	return true
}

// take is what was counted; sources whose window is over are forgotten.
func (r *refusals) take(now time.Time) map[refused]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for address, from := range r.sources {
		if now.Sub(from.since) >= window {
			delete(r.sources, address)
		}
	}
	counted := r.counted
	r.counted = map[refused]uint64{}
	return counted
}

func (r *refusals) again(key refused, count uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counted[key] += count
}

// rejected records a refused request.
func (s *Server) rejected(ctx context.Context, c client, reason string) {
	s.refused(ctx, c, refused{reason: reason})
}

// replayed records that something was presented again that may be used once.
func (s *Server) replayed(ctx context.Context, c client, kind string) {
	s.refused(ctx, c, refused{replay: kind})
}

// refused records a refusal; that it cannot be recorded is no reason to answer more than the refusal.
func (s *Server) refused(ctx context.Context, c client, key refused) {
	switch key.organization = c.state.Organization; {
	case key.organization != "" || uuid.Validate(c.id) == nil:
		key.client = c.id
	default: // what is no id is not ours to store
	}
	counting := key
	if counting.organization == "" {
		counting.client = "" // anybody could name any number of clients that are none
	}
	if s.refusals.later(endpoint.CallOf(ctx).Address, counting, s.Now()) {
		return
	}
	if err := s.Observe(key.about(ctx), key.kind(), key.facts(1, s.Now())...); err != nil {
		s.Logger.ErrorContext(ctx, "a refused request was not recorded", "error", err)
		s.refusals.again(counting, 1)
	}
}

// Sweep records counted refusals once in a while until ctx ends.
func (s *Server) Sweep(ctx context.Context) error {
	tick := time.NewTicker(window / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			s.flush(ctx)
		}
	}
}

func (s *Server) flush(ctx context.Context) {
	ctx = eventlog.WithMeta(ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: "issuance", Kind: "service"}})
	for key, count := range s.refusals.take(s.Now()) {
		if err := s.Observe(key.about(ctx), key.kind(), key.facts(count, s.Now())...); err != nil {
			s.Logger.ErrorContext(ctx, "refused requests were not recorded", "error", err)
			s.refusals.again(key, count)
		}
	}
}
