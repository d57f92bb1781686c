package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	"github.com/chancery-dev/chancery/libs/testkit"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/quota"
)

// edge is one authorizer's keeper with a connection of its own.
type edge struct {
	keeper *quota.Keeper
	stop   context.CancelFunc
	done   chan struct{}
	cut    *atomic.Bool
}

func newEdge(t *testing.T, s *servicetest.Suite, name string) *edge {
	pulse, err := eventlog.OpenPulse(t.Context(), s.Connect("gateway"), "gateway")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &edge{keeper: quota.New(name, time.Now), stop: stop, done: make(chan struct{}), cut: &atomic.Bool{}}
	w := &quota.Words{Keeper: e.keeper, Logger: slog.New(slog.DiscardHandler),
		Beat: func(ctx context.Context, node string, body []byte) error {
			if e.cut.Load() {
				return context.DeadlineExceeded
			}
			return pulse.Beat(ctx, node, body)
		},
		Watch: func(ctx context.Context, apply func(eventlog.Beat) error) error {
			return pulse.Watch(ctx, func(b eventlog.Beat) error {
				if e.cut.Load() {
					return nil
				}
				return apply(b)
			})
		}}
	go func() {
		defer close(e.done)
		_ = w.Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-e.done })
	return e
}

// load asks authorizers by random shares, which change from window to window, well over the limit until an end; it gives what
// each window admitted.
func load(t *testing.T, random *rand.Rand, edges []*edge, limit fold.Limit, application string, from, windows uint64) []uint64 {
	admitted := make([]atomic.Uint64, windows)
	var wg sync.WaitGroup
	shares := make([][]int, windows)
	for w := range shares {
		shares[w] = make([]int, len(edges))
		for i := range edges {
			shares[w][i] = random.IntN(10)
		}
		shares[w][random.IntN(len(edges))] += 10
	}
	end := time.Unix(int64((from+windows)*limit.Window), 0)
	for i, e := range edges {
		wg.Go(func() {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			owed := 0.0
			last := time.Now()
			for now := range tick.C {
				if !now.Before(end) {
					return
				}
				w := uint64(now.Unix()) / limit.Window
				if w < from {
					last = now
					continue
				}
				total := 0
				for _, s := range shares[w-from] {
					total += s
				}
				// Three times the limit is asked of all together.
				owed += 3 * float64(limit.Calls) / float64(limit.Window) * now.Sub(last).Seconds() * float64(shares[w-from][i]) / float64(total)
				for last = now; owed >= 1; owed-- {
					over, left := e.keeper.Take("p", application, "o", []fold.Limit{limit}, nil)
					if over == nil {
						at := uint64(time.Now().Add(left[0].Reset).Unix())/limit.Window - 1
						if at >= from && at < from+windows {
							admitted[at-from].Add(1)
						}
					}
				}
			}
		})
	}
	wg.Wait()
	out := make([]uint64, windows)
	for i := range out {
		out[i] = admitted[i].Load()
	}
	return out
}

// E4: the error over a window is at most five percent of the limit with three authorizers, and none is unlimited alone.
func TestALimitHoldsOverAllAuthorizersTogether(t *testing.T) {
	random, seed := testkit.Random(t)
	s := servicetest.New(t, nil)
	var edges []*edge
	for i := range 3 {
		edges = append(edges, newEdge(t, s, fmt.Sprint("edge", i)))
	}
	limit := fold.Limit{Name: "burst", Per: "application", Calls: 3000, Window: 5}
	windows := uint64(testkit.Size(3, 60))
	from := uint64(time.Now().Unix())/limit.Window + 1
	worst := 0.0
	var all []uint64
	for _, n := range load(t, random, edges, limit, "a", from, windows) {
		all = append(all, n)
		off := (float64(n) - float64(limit.Calls)) / float64(limit.Calls)
		worst = max(worst, off, -off)
	}
	if worst > 0.05 {
		t.Errorf("a window was off by %.1f %%: %v of %d", worst*100, all, limit.Calls)
	}
	// One that is cut off goes on with an equal share at most.
	edges[0].cut.Store(true)
	from = uint64(time.Now().Unix())/limit.Window + 2
	alone := load(t, random, edges[:1], limit, "a", from, 1)[0]
	if alone == 0 || float64(alone) > float64(limit.Calls)/3*1.05 {
		t.Errorf("one that was cut off admitted %d of %d", alone, limit.Calls)
	}
	testkit.Proved(t, "e4", "Limits over all authorizers", seed, fmt.Sprintf(
		"Three authorizers over a real log, %d windows of %d s and %d calls, asked for three times as much by shares that changed at random with each window: the error was at most %.1f %% of the limit. One that was cut from the log admitted %d in the window after, a third being %d.",
		windows, limit.Window, limit.Calls, worst*100, alone, limit.Calls/3))
}

// E4: what is left stands in the answer, and what is over is refused where the gateway can say so and told beside it where
// it cannot.
func TestAConsumerSeesWhatIsLeft(t *testing.T) {
	r := start(t)
	r.Append("registry", "product", r.Product, &registryv1.ProductLimitsSet{Limits: []*registryv1.Limit{{Name: "month", Per: "application", Calls: 3, WindowSeconds: 31 * 86_400}}})
	_, key := r.Issue("api_key", "accounts:read")
	_, other := r.Issue("api_key", "accounts:read")
	r.applied(t)
	for i, left := range []string{`"month";r=2;t=`, `"month";r=1;t=`, `"month";r=0;t=`} {
		a := r.door(t, "/nginx/sandbox", []string{key, other}[i%2])
		if a.status != 204 || !strings.HasPrefix(a.header.Get("RateLimit"), left) || a.header.Get("RateLimit-Policy") != `"month";q=3;w=2678400` {
			t.Fatalf("%d %v", a.status, a.header)
		}
	}
	for range 3 {
		a := r.door(t, "/nginx/sandbox", other)
		if a.status != 403 || a.header.Get("Chancery-Status") != "429" || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "quota_exceeded") {
			t.Fatalf("%d %v %s", a.status, a.header, a.body)
		}
	}
	if a := get(t, r.at.URL+"/caddy/sandbox", "Authorization", "Bearer "+key, "X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/ledger/v1/accounts"); a.status != 429 {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	provider, stranger := uuid.NewString(), uuid.NewString()
	r.Append("identity", "organization", provider, &identityv1.OrganizationRegistered{Name: "Provider", Kind: "provider"})
	r.Append("identity", "organization", stranger, &identityv1.OrganizationRegistered{Name: "Stranger", Kind: "partner"})
	for _, c := range []struct {
		who    principal.Principal
		status int
	}{{r.person(r.Organization, principal.Viewer), 200}, {r.person(provider, principal.Auditor), 200}, {r.person(stranger, principal.OrgAdmin), 404}} {
		a := r.asks(t, c.who, "/v1/usage?application_id="+r.Application+"&product_id="+r.Product)
		if a.status != c.status || c.status == 200 && !strings.Contains(a.body, `"remaining":0`) {
			t.Errorf("%v: %d %s", c.who.Roles, a.status, a.body)
		}
	}
	if told, _ := observed[*activityv1.QuotaExhausted](t, r, 1); told[0].Limit != "month" || told[0].Calls != 3 || told[0].ApplicationId != r.Application {
		t.Errorf("%v", told[0])
	}
}
