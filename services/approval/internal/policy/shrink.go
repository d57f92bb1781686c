package policy

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

// Shrink compares what grants give with what is used of them, and proposes to do without the rest (L14, D19).
type Shrink struct {
	Policies
	// Watch is how long a grant of a class is watched before a proposal, Shadow how long a proposal stands.
	Watch         map[string]time.Duration
	Shadow, Every time.Duration
	// Ready is nil when everything that authorizers told has been taken in.
	Ready  func(context.Context) error
	Logger *slog.Logger
}

const page = 500

// Run looks through all grants again and again until ctx ends.
func (p Shrink) Run(ctx context.Context) error {
	tick := time.NewTicker(p.Every)
	defer tick.Stop()
	for {
		if err := p.sweep(ctx); err != nil && ctx.Err() == nil {
			p.Logger.WarnContext(ctx, "not all grants were looked through for what they do not use", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p Shrink) sweep(ctx context.Context) error {
	if err := p.Ready(ctx); err != nil {
		return err // what is not known yet must not count as unused
	}
	for after := ""; ; {
		grants, err := p.Views.Now().Watched(ctx, after, page)
		if err != nil || len(grants) == 0 {
			return err
		}
		for _, g := range grants {
			after = g.ID
			if err := p.look(ctx, g); err != nil {
				return err
			}
		}
	}
}

// look decides about one grant.
func (p Shrink) look(ctx context.Context, g view.Watched) error {
	now, rows := p.Clock(), p.Views.Now()
	from := now.Add(-p.watch(g.Class))
	if g.ObservedFrom != nil {
		from = *g.ObservedFrom
	} else if g.WatchedFrom.After(from) {
		return nil
	}
	used, err := rows.UsedSince(ctx, g.ApplicationID, g.ProductID, from)
	if err != nil {
		return err
	}
	var c aggregate.Command[grant.State]
	switch {
	case len(g.Unused) == 0:
		c = grant.ProposeShrink{Used: used, From: from, To: now, ShadowUntil: now.Add(p.Shadow)}
	case slices.ContainsFunc(g.Unused, func(scope string) bool { return slices.Contains(used, scope) }):
		c = grant.DismissShrink{Reason: grant.UsedMeanwhile}
	default:
		return nil
	}
	_, err = p.Grants.Handle(ctx, g.ID, c)
	for _, settled := range []error{grant.ErrProposed, grant.ErrNotProposed, grant.ErrEnded} {
		if errors.Is(err, settled) {
			return nil
		}
	}
	return err
}

func (p Shrink) watch(class string) time.Duration {
	if d, ok := p.Watch[class]; ok {
		return d
	}
	return slices.Max([]time.Duration{p.Watch["public"], p.Watch["partner"], p.Watch["sensitive"]})
}
