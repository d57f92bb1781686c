package approval_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/sethvargo/go-envconfig"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	"github.com/chancery-dev/chancery/libs/testkit"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/approval"
	"github.com/chancery-dev/chancery/services/gateway"
)

// held is an application with one grant and one key, and what it is planted to use.
type held struct {
	application, grant, key string
	scopes, used            []string
	calls                   uint64
}

// month is a provider's product of eight scopes and many applications that use some of theirs.
type month struct {
	*desk
	product      string
	fingerprints *secret.Fingerprints
	all          []*held
}

func scope(i int) string { return fmt.Sprintf("bank:s%d", i) }

func newMonth(t *testing.T) *month {
	d := open(t)
	if err := d.at.Stop(); err != nil {
		t.Fatal(err)
	}
	d.config.Lookup = envconfig.MultiLookuper(envconfig.MapLookuper(map[string]string{"CHANCERY_SHRINK_EVERY": "100ms"}), d.config.Lookup)
	d.at = d.suite.Start(approval.Name, d.config, approval.New)
	d.Talk = d.suite.Talk(t, d.at)
	m := &month{desk: d, product: uuid.NewString(), fingerprints: secret.NewFingerprints(make([]byte, 32))}
	version := uuid.NewString()
	submitted := &registryv1.VersionSubmitted{ProductId: m.product, OrganizationId: d.meridian, Version: "1.0", BasePath: "/bank"}
	for i := range 8 {
		submitted.Scopes = append(submitted.Scopes, &registryv1.Scope{Name: scope(i), Risk: "low"})
		submitted.Operations = append(submitted.Operations, &registryv1.Operation{Id: fmt.Sprint("op", i), Method: "GET", Path: fmt.Sprint("/", i), Scopes: []string{scope(i)}})
	}
	d.fact("registry", "version", version, submitted, &registryv1.VersionPublished{ProductId: m.product, Version: "1.0"})
	d.fact("registry", "product", m.product, &registryv1.ProductDrafted{Slug: "bank", Name: "Bank", OrganizationId: d.meridian},
		&registryv1.ProductClassified{Class: "partner"}, &registryv1.ProductAudienceSet{Audience: "partner"}, &registryv1.ProductPublished{VersionId: version, Version: "1.0"})
	return m
}

func (m *month) plant(name string, scopes, used []string) {
	h := &held{application: m.application(name, m.northwind, "sandbox", m.ana, m.ben), grant: uuid.NewString(), scopes: scopes, used: used}
	request := uuid.NewString()
	until := timestamppb.New(time.Now().Add(300 * 24 * time.Hour))
	m.fact("approval", "request", request, &approvalv1.RequestSubmitted{ApplicationId: h.application, OrganizationId: m.northwind,
		Content: &approvalv1.Content{ApplicationId: h.application, OrganizationId: m.northwind, ProductId: m.product, Scopes: scopes}, DecideBefore: until})
	m.fact("approval", "grant", h.grant, &approvalv1.GrantActivated{RequestId: request, ApplicationId: h.application, OrganizationId: m.northwind, ProductId: m.product,
		Scopes: scopes, Environment: "sandbox", Class: "partner", Until: until})
	made := secret.NewKey(secret.Test)
	h.key = made.Reveal()
	sum := m.fingerprints.Of(h.key)
	m.fact("issuance", "credential", uuid.NewString(), &issuancev1.CredentialIssued{Kind: "api_key", GrantId: h.grant, RequestId: request, ApplicationId: h.application,
		OrganizationId: m.northwind, ProductId: m.product, Scopes: scopes, Environment: "sandbox", Class: "partner", Generation: 1, Fingerprint: sum[:], ExpiresAt: until})
	m.all = append(m.all, h)
}

// authorizer is one in this process; what it counted is told when it is closed.
func (m *month) authorizer(t *testing.T) *gateway.Library {
	t.Helper()
	nc := m.suite.Connect("gateway")
	l, err := gateway.Open(t.Context(), gateway.Options{Log: m.suite.Log("gateway"), Fingerprints: m.fingerprints, Name: "edge-" + uuid.NewString()[:4], NATS: nc, Clock: m.suite.Clock, Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func call(t *testing.T, l *gateway.Library, h *held, scope string) gateway.Verdict {
	return l.Authorize(t.Context(), gateway.Request{Method: "GET", Target: "/bank/" + scope[len("bank:s"):], Environment: "sandbox", Authorization: []string{"Bearer " + h.key}, Network: "203.0.113.0/24"})
}

type proposal struct {
	ID     string   `json:"id"`
	Unused []string `json:"unused_scopes"`
	Kept   []string `json:"kept_scopes"`
}

func (m *month) proposals(t *testing.T) map[string]proposal {
	out := map[string]proposal{}
	for after := ""; ; {
		var page struct {
			Items []proposal
			Next  string
		}
		path := "/v1/shrink-proposals?limit=100"
		if after != "" {
			path += "&after=" + after
		}
		m.Call(&m.omar, "GET", path, nil).Into(&page)
		for _, p := range page.Items {
			out[p.ID] = p
		}
		if after = page.Next; after == "" {
			return out
		}
	}
}

// L14, D19
func TestWhatAGrantGivesAndNobodyUsesIsProposedToGo(t *testing.T) {
	random, seed := testkit.Random(t)
	m := newMonth(t)
	applications := testkit.Size(100, 200)
	planted, over := 0, 0
	for i := range applications {
		order := random.Perm(8)[:2+random.IntN(5)]
		var scopes, used []string
		for j, s := range order {
			scopes = append(scopes, scope(s))
			// Every other one uses all it has; the others leave some unused, never all.
			if i%2 == 0 || j == 0 || random.IntN(2) == 0 {
				used = append(used, scope(s))
			}
		}
		slices.Sort(scopes)
		if len(used) < len(scopes) {
			over++
			planted += len(scopes) - len(used)
		}
		m.plant(fmt.Sprint("app", i), scopes, used)
	}
	calls := 0
	for day := range 30 {
		l := m.authorizer(t)
		for _, h := range m.all {
			for i, s := range h.used {
				// Some scopes are used on one day of the month alone.
				if i == 0 || (day+i)%30 == 7 || random.IntN(6) == 0 {
					if v := call(t, l, h, s); !v.Allowed() {
						t.Fatalf("%s: %s", s, v.Reason)
					}
					calls++
					h.calls++
				}
			}
		}
		closeLibrary(t, l)
		if day < 29 {
			m.ahead.Add(int64(24 * time.Hour))
		}
	}
	// What was told is taken in before the first grant is old enough.
	m.suite.Settle(t, m.at)
	for _, h := range m.all {
		m.eventually(t, func() bool { return m.told(t, h) == h.calls })
	}
	m.ahead.Add(int64(25 * time.Hour))
	m.omar.AuthTime, m.ana.AuthTime = m.suite.Clock(), m.suite.Clock()
	m.eventually(t, func() bool { return len(m.proposals(t)) >= over })
	found := m.proposals(t)
	for _, h := range m.all {
		p, proposed := found[h.grant]
		for _, s := range h.scopes {
			if unused := !slices.Contains(h.used, s); unused != slices.Contains(p.Unused, s) {
				t.Fatalf("%s: unused %v, proposal %+v", s, unused, p)
			}
		}
		if proposed != (len(h.used) < len(h.scopes)) {
			t.Fatalf("%+v %+v", h, p)
		}
	}

	l := m.authorizer(t)
	t.Cleanup(func() { closeLibrary(t, l) })
	denied, replayed := 0, 0
	for _, h := range m.all {
		if p, ok := found[h.grant]; ok {
			m.Call(&m.omar, "POST", "/v1/grants/"+h.grant+"/shrink/accept", body{}).Wants(200, "")
			m.folded(t, l)
			if v := call(t, l, h, p.Unused[0]); v.Reason != "scope_missing" {
				t.Fatalf("what was taken away still passes: %q", v.Reason)
			}
		}
		for _, s := range h.used {
			replayed++
			if v := call(t, l, h, s); !v.Allowed() {
				denied++
				t.Errorf("%s is used and denied: %s", s, v.Reason)
			}
		}
	}
	var slowest time.Duration
	for grant, p := range found {
		i := slices.IndexFunc(m.all, func(h *held) bool { return h.grant == grant })
		began := time.Now()
		m.Call(&m.ana, "POST", "/v1/grants/"+grant+"/shrink/undo", body{"reason": "month's end"}).Wants(200, "")
		for v := call(t, l, m.all[i], p.Unused[0]); !v.Allowed(); v = call(t, l, m.all[i], p.Unused[0]) {
			if time.Since(began) > servicetest.Patience {
				t.Fatal("taking it back had no effect")
			}
		}
		slowest = max(slowest, time.Since(began))
		m.Call(&m.ana, "POST", "/v1/grants/"+grant+"/shrink/undo", body{"reason": "again"}).Wants(409, "nothing_to_undo")
	}
	if slowest > time.Second {
		t.Errorf("taking a narrowing back took %s to be felt", slowest)
	}
	testkit.Proved(t, "l14", "What nobody uses is proposed to go", seed, fmt.Sprintf(
		"%d applications, 30 simulated days, %d calls judged by authorizers whose windows were the only source; %d grants had %d scopes that nobody used. All %d were proposed and no used one; after the owners accepted, %d calls of the kinds seen were made again and %d were denied. Each narrowing was taken back by one step, felt at the authorizer after %s at most.",
		applications, calls, over, planted, planted, replayed, denied, slowest.Round(time.Millisecond)))
}

// told is how many calls of the grant approval has heard of; each needs one scope.
func (m *month) told(t *testing.T, h *held) (calls uint64) {
	var u struct {
		Scopes []struct{ Used *struct{ Calls uint64 } }
	}
	m.Call(&m.omar, "GET", "/v1/grants/"+h.grant+"/usage", nil).Into(&u)
	for _, s := range u.Scopes {
		if s.Used != nil {
			calls += s.Used.Calls
		}
	}
	return calls
}

func closeLibrary(t *testing.T, l *gateway.Library) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), servicetest.Patience)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// folded returns once the authorizer has everything.
func (m *month) folded(t *testing.T, l *gateway.Library) {
	tail := m.tail(t)
	m.eventually(t, func() bool { return l.Position() >= tail })
}

// L14: until the owner decides nothing is denied, what would be is counted, and one use of it is enough to end the proposal.
func TestAProposalDeniesNothingAndEndsByUse(t *testing.T) {
	m := newMonth(t)
	m.plant("app", []string{scope(0), scope(1)}, []string{scope(0)})
	h := m.all[0]
	l := m.authorizer(t)
	call(t, l, h, scope(0))
	closeLibrary(t, l)
	m.ahead.Add(int64(29 * 24 * time.Hour))
	l = m.authorizer(t)
	call(t, l, h, scope(0))
	closeLibrary(t, l)
	m.ahead.Add(int64(25 * time.Hour))
	for _, p := range []*principal.Principal{&m.omar, &m.ana, &m.paula, &m.kenji} {
		p.AuthTime = m.suite.Clock()
	}
	m.eventually(t, func() bool { return len(m.proposals(t)) == 1 })
	m.Call(&m.kenji, "GET", "/v1/grants/"+h.grant+"/usage", nil).Wants(404, "not_found")
	m.Call(&m.ana, "POST", "/v1/grants/"+h.grant+"/shrink/undo", body{"reason": "x"}).Wants(409, "nothing_to_undo")
	l = m.authorizer(t)
	if v := call(t, l, h, scope(1)); !v.Allowed() {
		t.Fatalf("a proposal denies: %s", v.Reason)
	}
	closeLibrary(t, l)
	m.eventually(t, func() bool { return len(m.proposals(t)) == 0 })
	var u struct {
		Scopes []struct {
			Scope string
			Used  *struct {
				Calls     uint64
				WouldDeny uint64 `json:"would_deny"`
			}
		}
	}
	m.Call(&m.ana, "GET", "/v1/grants/"+h.grant+"/usage", nil).Into(&u)
	if len(u.Scopes) != 2 || u.Scopes[0].Used == nil || u.Scopes[0].Used.Calls != 2 || u.Scopes[1].Used == nil || u.Scopes[1].Used.WouldDeny != 1 {
		t.Errorf("%+v", u)
	}
	m.Call(&m.omar, "POST", "/v1/grants/"+h.grant+"/shrink/accept", body{}).Wants(409, "not_proposed")
	if !m.said(t, "grant", h.grant, &approvalv1.GrantShrinkDismissed{}) {
		t.Error("the proposal's end is not in the log")
	}
}
