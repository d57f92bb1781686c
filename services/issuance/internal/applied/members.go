package applied

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/receipt"
	gatewayv1 "github.com/chancery-dev/chancery/proto/gateway/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Fold feeds the membership from EVENTS: an authorizer is a member from its joining until it leaves or is signed off.
func (p *Positions) Fold(_ context.Context, batch []eventlog.Recorded) error {
	for _, r := range batch {
		if s := r.Envelope.GetSubject(); s.GetKind() != "authorizer" {
			continue
		}
		for _, fact := range r.Facts {
			switch e := fact.(type) {
			case *gatewayv1.AuthorizerJoined:
				p.join(r, e)
			case *gatewayv1.AuthorizerLeft:
				p.end(r, "itself", "left")
			case *issuancev1.AuthorizerSignedOff:
				p.end(r, r.Envelope.GetActor().GetId(), e.GetReason())
			}
		}
	}
	return nil
}

func (p *Positions) join(r eventlog.Recorded, e *gatewayv1.AuthorizerJoined) {
	name := r.Envelope.GetSubject().GetId()
	key, err := receipt.Key(e.GetJwk(), e.GetKeyId())
	if err != nil {
		// It is a member all the same, one that can never confirm.
		p.Logger.Error("an authorizer joined with a key that cannot be used", "authorizer", name, "position", r.Sequence, "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m := &member{name: name, environment: e.GetEnvironment(), joined: r.Sequence, joinedAt: r.Time, keyID: e.GetKeyId(), key: key, jwk: e.GetJwk()}
	if p.members == nil {
		p.members = map[string]*member{}
	}
	p.members[name] = m
	if b, ok := p.early[name]; ok && b.KeyID == m.keyID {
		p.take(m, b)
	}
	delete(p.early, name)
}

func (p *Positions) end(r eventlog.Recorded, by, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.members[r.Envelope.GetSubject().GetId()]; m != nil && m.ended == 0 {
		m.ended = r.Sequence
		m.off = receipt.SignedOff{Authorizer: m.name, By: by, Reason: reason, At: r.Time.UTC()}
	}
}

// Member says whether an authorizer of this name is one.
func (p *Positions) Member(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.members[name]
	return m != nil && m.ended == 0
}

// Known says whether an authorizer of this name ever joined.
func (p *Positions) Known(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.members[name] != nil
}

// Authorizer is one authorizer as it is listed.
type Authorizer struct {
	ID          string     `json:"id"`
	Environment string     `json:"environment,omitempty"`
	State       string     `json:"state" enum:"member,silent,left"`
	JoinedAt    time.Time  `json:"joined_at"`
	JoinedWith  string     `json:"key_id"`
	Position    uint64     `json:"position" doc:"How far it has applied the log by its own signed word"`
	LastHeardAt *time.Time `json:"last_heard_at,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
	EndedBy     string     `json:"ended_by,omitempty"`
	Reason      string     `json:"reason,omitempty"`
}

// List is every authorizer that was ever heard of, members first.
func (p *Positions) List() []Authorizer {
	p.mu.Lock()
	defer p.mu.Unlock()
	all, now := []Authorizer{}, p.Now()
	for _, m := range p.members {
		a := Authorizer{ID: m.name, Environment: m.environment, State: "member", JoinedAt: m.joinedAt.UTC(), JoinedWith: m.keyID, Position: m.position()}
		if !m.heard.IsZero() {
			at := m.heard.UTC()
			a.LastHeardAt = &at
		}
		switch {
		case m.ended != 0:
			a.State, a.EndedAt, a.EndedBy, a.Reason = "left", &m.off.At, m.off.By, m.off.Reason
		case now.Sub(m.heard) >= silence:
			a.State = "silent"
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Authorizer) int {
		return cmp.Or(-cmp.Compare(a.State, b.State), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// state is what a receipt says of the authorizers about a position.
func (p *Positions) state(position uint64) (confirmed []receipt.Confirmation, missing []receipt.Missing, off []receipt.SignedOff) {
	p.mu.Lock()
	defer p.mu.Unlock()
	confirmed, missing, off = []receipt.Confirmation{}, []receipt.Missing{}, []receipt.SignedOff{}
	for _, m := range p.members {
		beat, ok := m.confirming(position)
		switch {
		case ok:
			confirmed = append(confirmed, receipt.Confirmation{Beat: beat, JoinedAt: m.joined, Key: m.jwk})
		case m.ended == 0:
			missing = append(missing, receipt.Missing{Authorizer: m.name, Environment: m.environment, JoinedAt: m.joined, Position: m.position(), LastHeardAt: m.heard.UTC()})
		case m.ended > position:
			off = append(off, m.off)
		}
	}
	slices.SortFunc(confirmed, func(a, b receipt.Confirmation) int { return cmp.Compare(a.Authorizer, b.Authorizer) })
	slices.SortFunc(missing, func(a, b receipt.Missing) int { return cmp.Compare(a.Authorizer, b.Authorizer) })
	slices.SortFunc(off, func(a, b receipt.SignedOff) int { return cmp.Compare(a.Authorizer, b.Authorizer) })
	return confirmed, missing, off
}
