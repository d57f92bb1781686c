package endpoint_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
)

// E3
func TestASensitiveOperationIsLimitedPerPersonApplicationAndOrganization(t *testing.T) {
	w := newWorld(t, nil, func(e *endpoint.API) {
		endpoint.Route(e, principal.For("key.issue").To(principal.Person, principal.Client), endpoint.Operation{Method: "POST", Path: "/v1/keys", Limits: endpoint.Limits{
			Person: endpoint.Rate{Count: 3, Per: time.Minute}, Application: endpoint.Rate{Count: 4, Per: time.Minute}, Organization: endpoint.Rate{Count: 7, Per: time.Minute},
		}}, func(ctx ctx, in keyRequest) (endpoint.Answer[endpoint.Receipt], error) {
			if err := endpoint.LimitApplication(ctx, in.Body.Application); err != nil {
				return endpoint.Answer[endpoint.Receipt]{}, err
			}
			return endpoint.Done("1", 1, false), nil
		})
	})
	n := 0
	post := func(who principal.Principal, application string) int {
		n++
		r := w.do(&who, "POST", "/v1/keys", `{"application":"`+application+`"}`)
		if r.status == 429 {
			if code(t, r) != "too_many_requests" || r.header.Get("Retry-After") == "" {
				t.Errorf("429 without its code or time: %s", r.body)
			}
		}
		return r.status
	}
	ann, bob, eve := w.portal.Fresh("org-1"), w.portal.Fresh("org-1"), w.portal.Fresh("org-2")
	for i := range 3 {
		if s := post(ann, fmt.Sprintf("app-%d", i)); s != 200 {
			t.Fatalf("use %d: %d", i, s)
		}
	}
	if s := post(ann, "app-9"); s != 429 {
		t.Errorf("the person's fourth: %d", s)
	}
	for i := range 3 {
		if s := post(bob, fmt.Sprintf("app-%d", i+10)); s != 200 {
			t.Errorf("another person of the organisation, %d: %d", i, s)
		}
	}
	carol := w.portal.Fresh("org-1")
	if a, b := post(carol, "app-20"), post(carol, "app-21"); a != 200 || b != 429 {
		t.Errorf("the organisation's seventh and eighth: %d, %d", a, b)
	}
	if s := post(eve, "app-30"); s != 200 {
		t.Errorf("another organisation: %d", s)
	}
	for i := range 4 {
		client := principal.Principal{ID: fmt.Sprintf("client-%d", i), Kind: principal.Client, Organization: fmt.Sprintf("org-%d", 10+i), Application: "shared"}
		if s := post(client, "shared"); s != 200 {
			t.Errorf("client %d of one application: %d", i, s)
		}
	}
	other := w.portal.Fresh("org-30")
	if s := post(other, "shared"); s != 429 {
		t.Errorf("a person on the application that its clients used up: %d", s)
	}
	w.clock.advance(20 * time.Second)
	ann.AuthTime = w.clock.now()
	if s := post(ann, "app-40"); s != 200 {
		t.Errorf("a third of the time later: %d", s)
	}
}

func TestAnAddressIsLimitedBeforeAnybodyIsAuthenticated(t *testing.T) {
	w := newWorld(t, func(o *endpoint.Options) {
		o.Limits.Address = endpoint.Rate{Count: 5, Per: time.Minute}
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	}, nil)
	from := func(forwarded string) int {
		return w.do(nil, "GET", "/v1/notes", "", "X-Forwarded-For", forwarded).status
	}
	for range 5 {
		if s := from("203.0.113.7"); s != 401 {
			t.Fatal(s)
		}
	}
	for forwarded, want := range map[string]int{
		"203.0.113.7":               429,
		"198.51.100.1, 203.0.113.7": 429, // what stands before the last untrusted hop is the caller's own invention
		"203.0.113.7, 10.1.2.3":     429,
		"203.0.113.8":               401,
		"2001:db8:1:1::1":           401,
	} {
		if s := from(forwarded); s != want {
			t.Errorf("%s: %d", forwarded, s)
		}
	}
	for i := range 4 {
		from(fmt.Sprintf("2001:db8:1:1::%d", i+2))
	}
	if s := from("2001:db8:1:1:ffff::9"); s != 429 {
		t.Errorf("another address of the same /64: %d", s)
	}
}

// wire joins instances; what one admits the others hear when it is delivered.
type wire struct {
	mu        sync.Mutex
	takes     []func(string, int)
	waiting   []delivery
	instances int
}

type delivery struct {
	from int
	key  string
}

type tap struct {
	w  *wire
	me int
}

func (w *wire) tap() *tap {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.takes = append(w.takes, nil)
	w.instances++
	return &tap{w, len(w.takes) - 1}
}

func (t *tap) Listen(take func(string, int)) { t.w.takes[t.me] = take }
func (t *tap) Instances() int                { return t.w.instances }
func (t *tap) Share(key string) {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.waiting = append(t.w.waiting, delivery{t.me, key})
}

func (w *wire) deliver() {
	w.mu.Lock()
	waiting := w.waiting
	w.waiting = nil
	w.mu.Unlock()
	for _, d := range waiting {
		if strings.Contains(d.key, "/address\x00") {
			continue
		}
		for i, take := range w.takes {
			if i != d.from {
				take(d.key, 1)
			}
		}
	}
}

// E3
func TestLimitsHoldOverThreeInstancesWithTheStatedOvershoot(t *testing.T) {
	const count = 30
	admitted := func(heard bool) int {
		var joined wire
		var instances []*world
		for range 3 {
			instances = append(instances, newWorld(t, func(o *endpoint.Options) {
				o.Totals = joined.tap()
				o.Limits.Person = endpoint.Rate{Count: count, Per: time.Hour}
			}, nil))
		}
		admitted := 0
		for i := range 6 * count {
			w := instances[i%3]
			ann := instances[0].ann
			if w.do(&ann, "GET", "/v1/notes", "").status == 200 {
				admitted++
			}
			if heard {
				joined.deliver()
			}
		}
		return admitted
	}
	if n := admitted(true); n != count {
		t.Errorf("hearing of each other at once, three instances admitted %d of %d", n, count)
	}
	// Each had a share of a third before it heard of the others, and here it never does.
	if n := admitted(false); n > count+2 {
		t.Errorf("without hearing of each other, three instances admitted %d of %d", n, count)
	}
}
