package api

import (
	"context"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

const (
	// singly is how many failures of one source are recorded one by one in each window.
	singly = 20
	// window is the time over which further ones are counted.
	window = time.Minute
	// sources bounds how many are counted apart; beyond it they count together.
	sources = 10_000
)

// failures records refused sign-ins: one by one up to a limit per source and minute, then as one observation with a count,
// since anybody may cause them.
type failures struct {
	mu   sync.Mutex
	open map[failure]*counted
}

type failure struct{ address, organization, issuer, reason string }

// about names what the observation is about: an organisation's door, or that of nobody known.
func (f failure) about(ctx context.Context) context.Context {
	m := eventlog.MetaFrom(ctx)
	m.Organization, m.Subject = f.organization, &eventv1.Subject{Kind: "organization", Id: f.organization}
	if f.organization == "" {
		m.Subject = &eventv1.Subject{Kind: "service", Id: "identity"}
	}
	return eventlog.WithMeta(ctx, m)
}

type counted struct {
	since   time.Time
	told    int
	waiting uint64
}

// tell records a failure now, or counts it for later.
func (f *failures) tell(ctx context.Context, log *eventlog.Log, now time.Time, what failure) error {
	if f.later(what, now) {
		return nil
	}
	return log.Observe(what.about(ctx), "sign_in", &activityv1.SignInFailed{Issuer: what.issuer, Reason: what.reason, Count: 1})
}

func (f *failures) later(key failure, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[failure]*counted{}
	}
	if _, known := f.open[key]; !known && len(f.open) >= sources {
		key.address = ""
	}
	c, ok := f.open[key]
	if !ok {
		c = &counted{since: now}
		f.open[key] = c
	}
	if c.told < singly {
		c.told++
		return false
	}
	c.waiting++
	return true
}

// flush records what was counted in windows that are over.
func (f *failures) flush(ctx context.Context, log *eventlog.Log, now time.Time) error {
	over := map[failure]uint64{}
	f.mu.Lock()
	for key, c := range f.open {
		if now.Sub(c.since) < window {
			continue
		}
		if c.waiting > 0 {
			over[key] = c.waiting
		}
		delete(f.open, key)
	}
	f.mu.Unlock()
	ctx = eventlog.WithMeta(ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: "identity", Kind: "service"}})
	var failed error
	for key, n := range over {
		if err := log.Observe(key.about(ctx), "sign_in", &activityv1.SignInFailed{Issuer: key.issuer, Reason: key.reason, Count: n}); err != nil {
			failed = err
			f.again(key, n, now)
		}
	}
	return failed
}

// again puts back what could not be recorded.
func (f *failures) again(key failure, n uint64, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.open[key]
	if !ok {
		c = &counted{since: now.Add(-window), told: singly}
		f.open[key] = c
	}
	c.waiting += n
}

// Sweep records counted failures and forgets what is over, once in a while until ctx ends.
func (a *API) Sweep(ctx context.Context) error {
	for tick := time.NewTicker(window / 4); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return ctx.Err()
		case <-tick.C:
		}
		if err := a.failures.flush(ctx, a.Log, a.Clock()); err != nil {
			a.Logger.ErrorContext(ctx, "refused sign-ins were not recorded", "error", err)
		}
		if err := a.Sessions.Sweep(ctx, a.Clock()); err != nil {
			a.Logger.ErrorContext(ctx, "what is over was not forgotten", "error", err)
		}
	}
}
