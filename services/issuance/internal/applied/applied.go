// Package applied knows which authorizers there are and how far each has applied the log, so that an ending can be answered
// once it is felt, with a receipt of who feels it.
package applied

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/receipt"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

const (
	// silence is after how long without a beat an authorizer is no longer waited for; it is named all the same.
	silence = 3 * time.Second
	// Patience is how long an answer waits for authorizers at most.
	Patience = 250 * time.Millisecond
	// kept is how many beats of an authorizer are remembered, for the time at which it first confirmed something.
	kept = 1024
)

// Positions is every authorizer there is or was and its newest beats. It is safe for concurrent use.
type Positions struct {
	Watch func(ctx context.Context, apply func(eventlog.Beat) error) error
	// Observe records that a member is not heard of any more.
	Observe func(ctx context.Context, kind string, facts ...proto.Message) error
	Now     func() time.Time
	Logger  *slog.Logger

	mu      sync.Mutex
	members map[string]*member
	// early are beats under a key whose joining has not been folded yet.
	early map[string]receipt.Beat
	moved chan struct{}
}

// member is an authorizer by its newest joining.
type member struct {
	name, environment string
	joined            uint64
	joinedAt          time.Time
	keyID             string
	key               ed25519.PublicKey
	jwk               []byte
	// ended is where it left or was signed off after that; 0 while it is a member.
	ended  uint64
	off    receipt.SignedOff
	beats  []receipt.Beat // by position, the oldest first
	heard  time.Time
	silent bool
}

// Run listens until ctx ends.
func (p *Positions) Run(ctx context.Context) error {
	go p.listen(ctx)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for begun := p.Now(); ; {
		select {
		case <-tick.C:
			p.tellSilent(ctx, begun)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *Positions) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := p.Watch(ctx, p.hear); err != nil && ctx.Err() == nil {
			p.Logger.WarnContext(ctx, "beats of authorizers are not heard", "error", err)
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (p *Positions) hear(b eventlog.Beat) error {
	if b.Service != "gateway" {
		return nil
	}
	var said eventv1.Applied
	if err := proto.Unmarshal(b.Body, &said); err != nil {
		return nil // a beat of a newer kind says nothing to this version
	}
	beat := receipt.Of(&said)
	if beat.Authorizer != b.Node {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.members[b.Node]; m != nil && m.keyID == beat.KeyID {
		p.take(m, beat)
		return nil
	}
	if p.early == nil || len(p.early) > 1000 {
		p.early = map[string]receipt.Beat{}
	}
	p.early[b.Node] = beat
	return nil
}

// take keeps a beat that its authorizer signed.
func (p *Positions) take(m *member, b receipt.Beat) {
	if !b.Holds(m.key) {
		p.Logger.Warn("a beat is not signed by the authorizer it names", "authorizer", m.name)
		return
	}
	m.heard, m.silent = p.Now(), false
	if n := len(m.beats); n > 0 && b.Position <= m.beats[n-1].Position {
		return
	}
	if len(m.beats) >= kept {
		m.beats = append(m.beats[:0], m.beats[kept/2:]...)
	}
	m.beats = append(m.beats, b)
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}

// position is how far it has applied the log by its own word.
func (m *member) position() uint64 {
	if len(m.beats) == 0 {
		return 0
	}
	return m.beats[len(m.beats)-1].Position
}

// confirming is the first beat known at or beyond a position.
func (m *member) confirming(position uint64) (receipt.Beat, bool) {
	i, _ := slices.BinarySearchFunc(m.beats, position, func(b receipt.Beat, p uint64) int {
		if b.Position < p {
			return -1
		}
		return 1
	})
	if i == len(m.beats) {
		return receipt.Beat{}, false
	}
	return m.beats[i], true
}

// Receipt says which authorizers refuse what ended at a position, and which had not said so in time.
type Receipt struct {
	Confirmed []string `json:"confirmed" doc:"Authorizers that had applied the ending when this was answered"`
	Pending   []string `json:"pending" doc:"Authorizers that had not said so in time; they may be cut off"`
	Signed    string   `json:"receipt,omitempty" doc:"The signed receipt, RFC 7515 compact; the newest one is at /v1/receipts/{position}"`
}

// Wait returns once every authorizer that was heard of lately has applied a position, or after Patience. A member that is
// not heard of is pending, and nobody waits for it.
func (p *Positions) Wait(ctx context.Context, position uint64) Receipt {
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	for {
		a, hope, moved := p.look(position)
		if !hope {
			return a
		}
		select {
		case <-moved:
		case <-patience.C:
			return a
		case <-ctx.Done():
			return a
		}
	}
}

func (p *Positions) look(position uint64) (a Receipt, hope bool, moved <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, now := Receipt{Confirmed: []string{}, Pending: []string{}}, p.Now()
	for name, m := range p.members {
		switch {
		case m.ended != 0:
		case m.position() >= position:
			a.Confirmed = append(a.Confirmed, name)
		default:
			a.Pending = append(a.Pending, name)
			hope = hope || now.Sub(m.heard) < silence
		}
	}
	slices.Sort(a.Confirmed)
	slices.Sort(a.Pending)
	if p.moved == nil {
		p.moved = make(chan struct{})
	}
	return a, hope, p.moved
}

// tellSilent records once of each member that it is not heard of any more.
func (p *Positions) tellSilent(ctx context.Context, begun time.Time) {
	var facts []*activityv1.AuthorizerSilent
	p.mu.Lock()
	now := p.Now()
	for _, m := range p.members {
		last := m.heard
		for _, t := range []time.Time{begun, m.joinedAt} {
			if t.After(last) {
				last = t
			}
		}
		if m.ended == 0 && !m.silent && now.Sub(last) > 2*silence {
			m.silent = true
			facts = append(facts, &activityv1.AuthorizerSilent{Authorizer: m.name, LastHeardAt: timestamppb.New(last), Position: m.position()})
		}
	}
	p.mu.Unlock()
	for _, f := range facts {
		p.Logger.WarnContext(ctx, "an authorizer is not heard of; receipts name it until it is signed off", "authorizer", f.Authorizer)
		meta := eventlog.Meta{Actor: &eventv1.Actor{Id: "issuance.authorizers", Kind: "service"}, Subject: &eventv1.Subject{Kind: "authorizer", Id: f.Authorizer}}
		if err := p.Observe(eventlog.WithMeta(ctx, meta), "authorizer", f); err != nil {
			p.Logger.WarnContext(ctx, "that an authorizer is silent was not recorded", "error", err)
		}
	}
}
