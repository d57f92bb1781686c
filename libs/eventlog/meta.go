package eventlog

import (
	"context"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// Meta is what a decision or observation says about its origin.
type Meta struct {
	// CommandID makes a repeat recognisable; empty stands for a fresh one.
	CommandID  string
	Actor      *eventv1.Actor
	OnBehalfOf *eventv1.Actor
	Source     *eventv1.Source
	Assurance  *eventv1.Assurance
	// CorrelationID groups everything that came of one request.
	CorrelationID string
	// CausationID is the id of the fact answered, for decisions of policies.
	CausationID string
	// Shown is the highest position the caller was shown: its token's, its session's, the last answer's.
	Shown uint64
	// Seen, when set, is the position of the fold the decision rests on in place of the log's own Frontier.
	Seen uint64
	// Subject is what an observation is about; a decision is about its aggregate.
	Subject *eventv1.Subject
	// Organization is whose record an observation is; a decision takes it from the aggregate's state, or from here
	// when the state names none.
	Organization string
}

type metaKey struct{}

// WithMeta returns ctx carrying m for every append and observation made under it.
func WithMeta(ctx context.Context, m Meta) context.Context {
	return context.WithValue(ctx, metaKey{}, m)
}

// MetaFrom returns what WithMeta put into ctx, or the zero Meta.
func MetaFrom(ctx context.Context) Meta {
	m, _ := ctx.Value(metaKey{}).(Meta)
	return m
}
