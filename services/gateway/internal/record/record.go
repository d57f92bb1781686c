// Package record keeps count of what was admitted and denied, and writes it down as windows: an authorizer answers from
// memory, and no caller can make it write as often as it is called.
package record

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

const (
	shards = 16
	// DenialWindow and UsageWindow are how long a window lasts. The first denial of a kind is written down at once.
	DenialWindow = time.Minute
	UsageWindow  = time.Minute
	// maxDenials bounds what is kept apart; denials beyond are counted together by reason.
	maxDenials = 10_000
	// writers bounds how many observations are under way; those that wait share a message.
	writers = 64
)

// Book counts verdicts. Count is safe for concurrent use.
type Book struct {
	// Observe writes one observation down.
	Observe func(ctx context.Context, kind string, facts ...proto.Message) error
	// Authorizer is this one's name.
	Authorizer string
	Now        func() time.Time
	Logger     *slog.Logger

	usage [shards]struct {
		sync.Mutex
		windows map[used]*usage
	}
	mu      sync.Mutex
	denials map[denied]*denial
}

type used struct {
	credential, generation uint32
	operation              *contract.Operation
}

type usage struct {
	id, application, organization string
	count                         uint64
	first, last                   time.Time
	// shadowed calls would be denied in part by a proposal, if they need one of the scopes in shadow.
	shadowed uint64
	shadow   []string
	networks map[string]uint64
	// told is how many of them were told of as live usage.
	told uint64
}

// denied is what denials have alike that are counted together.
type denied struct {
	credential, generation uint32
	network                string
	operation, scope       string
	reason                 verdict.Reason
	// secret says that a secret was shown and no token.
	secret bool
}

type denial struct {
	id, application, organization, product string
	count                                  uint64
	first, last, written                   time.Time
	// from is where the last one came from, over the limit that was used up.
	from string
	over *fold.Limit
}

// Count takes note of a verdict.
func (b *Book) Count(v *verdict.Verdict, network string) {
	if v.Allowed() {
		b.admitted(v, network)
		return
	}
	b.refused(v, network)
}

func (b *Book) admitted(v *verdict.Verdict, network string) {
	s := &b.usage[v.Credential.Index%shards]
	k := used{v.Credential.Index, v.Credential.Generation, v.Operation}
	s.Lock()
	u := s.windows[k]
	if u == nil {
		if s.windows == nil {
			s.windows = map[used]*usage{}
		}
		u = &usage{id: v.Credential.ID(), application: v.Credential.Application, organization: v.Credential.Organization, first: v.At}
		s.windows[k] = u
	}
	u.count++
	u.last = v.At
	if len(v.Credential.Shadow) > 0 {
		u.shadowed++
		u.shadow = v.Credential.Shadow
	}
	if network != "" {
		if u.networks == nil {
			u.networks = map[string]uint64{}
		}
		add(u.networks, network, 1)
	}
	s.Unlock()
}

func (b *Book) refused(v *verdict.Verdict, network string) {
	k := denied{credential: v.Credential.Index, generation: v.Credential.Generation, reason: v.Reason, scope: v.Scope, secret: v.Token == ""}
	if k.credential == 0 {
		k.network = network
	}
	product := v.Credential.Product
	if v.Operation != nil {
		k.operation, product = v.Operation.ID, v.Operation.ProductID
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.denials[k]
	if d == nil {
		if b.denials == nil {
			b.denials = map[denied]*denial{}
		}
		if len(b.denials) >= maxDenials {
			k = denied{reason: v.Reason}
			d = b.denials[k]
		}
		if d == nil {
			d = &denial{}
			if k.credential != 0 {
				d.id, d.application, d.organization, d.product = v.Credential.ID(), v.Credential.Application, v.Credential.Organization, product
			}
			b.denials[k] = d
		}
	}
	if d.count == 0 {
		d.first = v.At
	}
	d.count++
	d.last, d.from, d.over = v.At, network, v.Over
}

// Run writes windows down until ctx ends, and then what is left.
func (b *Book) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	usage := time.NewTicker(UsageWindow)
	defer usage.Stop()
	for {
		select {
		case <-tick.C:
			b.WriteDenials(ctx, false)
		case <-usage.C:
			b.WriteUsage(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close writes down everything counted so far.
func (b *Book) Close(ctx context.Context) error {
	b.WriteDenials(ctx, true)
	b.WriteUsage(ctx)
	return ctx.Err()
}

// WriteDenials writes down each kind of denial whose window is over, or all of them.
func (b *Book) WriteDenials(ctx context.Context, all bool) {
	now := b.Now()
	var out []observation
	b.mu.Lock()
	for k, d := range b.denials {
		over := all || now.Sub(d.written) >= DenialWindow
		switch {
		case d.count == 0 && over:
			delete(b.denials, k)
		case d.count > 0 && over:
			out = append(out, b.denial(k, *d))
			if o, ok := b.exhausted(k, *d); ok {
				out = append(out, o)
			}
			if o, ok := b.retired(k, *d); ok {
				out = append(out, o)
			}
			d.count, d.written = 0, now
		}
	}
	b.mu.Unlock()
	b.write(ctx, "denial", out, func(o observation) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if o.denied == nil {
			return // it is told with the next window
		}
		if d := b.denials[o.key]; d != nil {
			if d.count == 0 {
				d.last = o.denied.GetLastAt().AsTime()
			}
			d.count += o.denied.GetCount()
			d.first = o.denied.GetFirstAt().AsTime()
		}
	})
}

func (b *Book) denial(k denied, d denial) observation {
	fact := &activityv1.AccessDenied{
		CredentialId: d.id, ApplicationId: d.application, ProductId: d.product, OperationId: k.operation, Reason: string(k.reason), Count: d.count,
		FirstAt: timestamppb.New(d.first), LastAt: timestamppb.New(d.last), Authorizer: b.Authorizer, Network: k.network, Scope: k.scope, Generation: k.generation,
	}
	return observation{id: d.id, organization: d.organization, fact: fact, denied: fact, key: k}
}

// WriteUsage writes down what each generation was used for since the last time.
func (b *Book) WriteUsage(ctx context.Context) {
	type whose struct{ credential, generation uint32 }
	windows := map[whose]*observation{}
	for i := range b.usage {
		s := &b.usage[i]
		s.Lock()
		taken := s.windows
		s.windows = nil
		s.Unlock()
		for k, u := range taken {
			o := windows[whose{k.credential, k.generation}]
			if o == nil {
				fact := &activityv1.UsageWindow{
					CredentialId: u.id, ApplicationId: u.application, ProductId: k.operation.ProductID, Generation: k.generation,
					CallsByScope: map[string]uint64{}, CallsByOperation: map[string]uint64{}, CallsByNetwork: map[string]uint64{}, WouldDeny: map[string]uint64{}, FirstAt: timestamppb.New(u.first), LastAt: timestamppb.New(u.last), Authorizer: b.Authorizer,
				}
				o = &observation{id: u.id, organization: u.organization, fact: fact, used: fact}
				windows[whose{k.credential, k.generation}] = o
			}
			o.add(k.operation, u)
		}
	}
	out := make([]observation, 0, len(windows))
	for _, o := range windows {
		trim(o.used.CallsByOperation)
		out = append(out, *o)
	}
	b.write(ctx, "usage", out, func(o observation) {
		b.Logger.ErrorContext(ctx, "a usage window was not recorded", "credential", o.id, "calls", o.used.GetCount())
	})
}

type observation struct {
	id, organization string
	fact             proto.Message
	denied           *activityv1.AccessDenied
	used             *activityv1.UsageWindow
	key              denied
}

func (o *observation) add(operation *contract.Operation, u *usage) {
	w := o.used
	for _, scope := range operation.Scopes {
		w.CallsByScope[scope] += u.count
		if u.shadowed > 0 && slices.Contains(u.shadow, scope) {
			w.WouldDeny[scope] += u.shadowed
		}
	}
	w.CallsByOperation[operation.ID] += u.count
	for network, n := range u.networks {
		add(w.CallsByNetwork, network, n)
	}
	w.Count += u.count
	if u.first.Before(w.FirstAt.AsTime()) {
		w.FirstAt = timestamppb.New(u.first)
	}
	if u.last.After(w.LastAt.AsTime()) {
		w.LastAt = timestamppb.New(u.last)
	}
}

// write hands observations over, several at a time so that they share messages; back takes what was not stored.
func (b *Book) write(ctx context.Context, kind string, out []observation, back func(observation)) {
	slots := make(chan struct{}, writers)
	var wg sync.WaitGroup
	for _, o := range out {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			meta := eventlog.Meta{Actor: &eventv1.Actor{Id: b.Authorizer, Kind: "service"}, Organization: o.organization}
			if o.id != "" {
				meta.Actor = &eventv1.Actor{Id: o.id, Kind: "client"}
				meta.Subject = &eventv1.Subject{Kind: "credential", Id: o.id}
			} else {
				meta.Subject = &eventv1.Subject{Kind: "authorizer", Id: b.Authorizer}
			}
			if err := b.Observe(eventlog.WithMeta(ctx, meta), kind, o.fact); err != nil {
				back(o)
				b.Logger.WarnContext(ctx, "an observation waits for the next window", "kind", kind, "error", err)
			}
		})
	}
	wg.Wait()
}
