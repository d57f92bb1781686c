package endpoint

import (
	"context"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"

	kit "github.com/go-kit/kit/endpoint"
	"golang.org/x/time/rate"

	"github.com/chancery-dev/chancery/libs/problem"
)

// Rate is how often something may happen: Count times in Per, at once or spread. The zero Rate is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// Limits bound how often one caller, and all callers of one application or organisation together, may call.
type Limits struct {
	// Address is of one network address (IPv6: of its /64), before anybody is authenticated.
	Address      Rate
	Person       Rate
	Application  Rate
	Organization Rate
}

var defaultLimits = Limits{
	Address: Rate{6000, time.Minute}, Person: Rate{1200, time.Minute}, Application: Rate{1200, time.Minute}, Organization: Rate{6000, time.Minute},
}

func (l Limits) orDefault(d Limits) Limits {
	pick := func(a, b Rate) Rate {
		if a.Count == 0 {
			return b
		}
		return a
	}
	return Limits{pick(l.Address, d.Address), pick(l.Person, d.Person), pick(l.Application, d.Application), pick(l.Organization, d.Organization)}
}

// Totals shares what is counted against limits between the instances of a service. With k instances, each admits its own
// share of a limit at once (1/k of it, rounded up) and takes off what it hears from the others. So over any time all
// together admit at most what one instance would, and beyond it at most k−1 uses from rounding and what the others admit
// before they hear of each other: (k−1) × Count/Per × the time Share takes to reach them. What Share loses adds to that.
type Totals interface {
	// Share tells the others that this instance admitted one use of key. It does not block.
	Share(key string)
	// Listen has take called for every use others share. It is called once, before the first Share.
	Listen(take func(key string, uses int))
	// Instances is how many instances serve now, this one included; at least 1.
	Instances() int
}

const maxBuckets = 100_000

type limiter struct {
	clock  func() time.Time
	totals Totals
	factor int

	mu sync.Mutex
	// By scope; known before the first use, because others share uses of callers this instance has not met.
	rates   map[string]Rate
	buckets map[string]*bucket
}

type bucket struct {
	rate Rate
	// All instances together, as far as heard of, and this instance's own share.
	total, share *rate.Limiter
}

func newLimiter(clock func() time.Time, totals Totals, factor int) *limiter {
	l := &limiter{clock: clock, totals: totals, factor: factor, rates: map[string]Rate{}, buckets: map[string]*bucket{}}
	if totals != nil {
		totals.Listen(l.take)
	}
	return l
}

func (l *limiter) instances() int {
	if l.totals == nil {
		return 1
	}
	return max(1, l.totals.Instances())
}

// know makes the rates of a scope known: "" for all operations, else an operation's id.
func (l *limiter) know(scope string, limits Limits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for kind, r := range map[string]Rate{"address": limits.Address, "person": limits.Person, "application": limits.Application, "organization": limits.Organization} {
		if r.Count > 0 {
			r.Count *= l.factor
			l.rates[scope+"/"+kind] = r
		}
	}
}

// bucketOf is nil where no limit is set.
func (l *limiter) bucketOf(key string, now time.Time) *bucket {
	if b := l.buckets[key]; b != nil {
		return b
	}
	scope, _, _ := strings.Cut(key, "\x00")
	r, ok := l.rates[scope]
	if !ok {
		return nil
	}
	l.sweep(now)
	per := rate.Limit(float64(r.Count) / r.Per.Seconds())
	b := &bucket{rate: r, total: rate.NewLimiter(per, r.Count), share: rate.NewLimiter(per, r.Count)}
	l.buckets[key] = b
	return b
}

// allow counts one use of key, or says how long to wait for the next.
func (l *limiter) allow(key string) (wait time.Duration, ok bool) {
	now := l.clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucketOf(key, now)
	if b == nil {
		return 0, true
	}
	burst := int(math.Ceil(float64(b.rate.Count) / float64(l.instances())))
	if b.share.Burst() != burst {
		b.share.SetBurstAt(now, burst)
	}
	for _, bound := range []*rate.Limiter{b.total, b.share} {
		if tokens := bound.TokensAt(now); tokens < 1 {
			return time.Duration((1 - tokens) / float64(bound.Limit()) * float64(time.Second)), false
		}
	}
	b.total.AllowN(now, 1)
	b.share.AllowN(now, 1)
	if l.totals != nil {
		l.totals.Share(key)
	}
	return 0, true
}

// take counts uses that other instances admitted.
func (l *limiter) take(key string, uses int) {
	now := l.clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucketOf(key, now)
	if b == nil {
		return
	}
	// Reserving goes below zero, where allowing would count nothing.
	for uses = min(uses, 2*b.rate.Count); uses > 0; uses -= b.rate.Count {
		b.total.ReserveN(now, min(uses, b.rate.Count))
	}
}

// sweep forgets callers whose buckets are full again: to them nothing changes.
func (l *limiter) sweep(now time.Time) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for key, b := range l.buckets {
		if b.total.TokensAt(now) >= float64(b.rate.Count) {
			delete(l.buckets, key)
		}
	}
	for key := range l.buckets {
		if len(l.buckets) < maxBuckets {
			return
		}
		delete(l.buckets, key)
	}
}

var errTooMany = problem.New(problem.TooMany, "too_many_requests", "This was asked for too often; wait before asking again.")

func (l *limiter) check(scope, kind, who string) error {
	if who == "" {
		return nil
	}
	if wait, ok := l.allow(scope + "/" + kind + "\x00" + who); !ok {
		return errTooMany.RetryAfter(wait)
	}
	return nil
}

func (d *declared) limitAddress(next kit.Endpoint) kit.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		network := networkOf(request.(*exchange).call.Address)
		for _, scope := range []string{"", d.ID} {
			if err := d.api.limiter.check(scope, "address", network); err != nil {
				return nil, err
			}
		}
		return next(ctx, request)
	}
}

func networkOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() {
		return address
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

func (d *declared) limitCaller(next kit.Endpoint) kit.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		x := request.(*exchange)
		p := x.call.Principal
		if p.ID == "" {
			return next(ctx, request)
		}
		for _, scope := range []string{"", d.ID} {
			for _, c := range [][2]string{{"person", string(p.Kind) + " " + p.ID}, {"application", p.Application}, {"organization", p.Organization}} {
				if err := d.api.limiter.check(scope, c[0], c[1]); err != nil {
					return nil, d.refused(ctx, x, problem.As(err))
				}
			}
		}
		return next(ctx, request)
	}
}

// LimitApplication counts this call against its operation's limit of an application that only the request or its object
// names; a refusal is to be returned. Callers that are an application's client are counted already.
func LimitApplication(ctx context.Context, application string) error {
	x := exchangeOf(ctx)
	if x == nil || application == x.call.Principal.Application {
		return nil
	}
	return x.op.api.limiter.check(x.op.ID, "application", application)
}
