// Package applied knows how far each authorizer has applied the log, from their beats, so that a revocation can be answered
// once it is felt.
package applied

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

const (
	// silence is after how long without a beat an authorizer is no longer waited for.
	silence = 3 * time.Second
	// Patience is how long an answer waits for authorizers at most.
	Patience = 250 * time.Millisecond
)

// Positions is the newest beat of every authorizer. It is safe for concurrent use.
type Positions struct {
	Watch  func(ctx context.Context, apply func(eventlog.Beat) error) error
	Now    func() time.Time
	Logger *slog.Logger

	mu    sync.Mutex
	nodes map[string]node
	moved chan struct{}
}

type node struct {
	position uint64
	at       time.Time
}

// Run listens until ctx ends.
func (p *Positions) Run(ctx context.Context) error {
	for {
		if err := p.Watch(ctx, p.hear); err != nil && ctx.Err() == nil {
			p.Logger.WarnContext(ctx, "beats of authorizers are not heard", "error", err)
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nodes == nil {
		p.nodes = map[string]node{}
	}
	p.nodes[b.Node] = node{said.Position, b.Time}
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
	return nil
}

// Receipt says which authorizers refuse what ended at a position, and which had not said so in time. One that is cut off
// from the log refuses everything before long, whether or not it stands here.
type Receipt struct {
	Confirmed []string `json:"confirmed" doc:"Authorizers that had applied the ending when this was answered"`
	Pending   []string `json:"pending" doc:"Authorizers that had not said so in time"`
}

// Wait returns once every authorizer that was heard of lately has applied a position, or after Patience.
func (p *Positions) Wait(ctx context.Context, position uint64) Receipt {
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	for {
		r, moved := p.look(position)
		if len(r.Pending) == 0 {
			return r
		}
		select {
		case <-moved:
		case <-patience.C:
			return r
		case <-ctx.Done():
			return r
		}
	}
}

func (p *Positions) look(position uint64) (Receipt, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, now := Receipt{Confirmed: []string{}, Pending: []string{}}, p.Now()
	for name, n := range p.nodes {
		switch {
		case n.position >= position:
			r.Confirmed = append(r.Confirmed, name)
		case now.Sub(n.at) < silence:
			r.Pending = append(r.Pending, name)
		default:
			delete(p.nodes, name)
		}
	}
	slices.Sort(r.Confirmed)
	slices.Sort(r.Pending)
	if p.moved == nil {
		p.moved = make(chan struct{})
	}
	return r, p.moved
}
