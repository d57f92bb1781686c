package record_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/secret"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/record"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
	"github.com/chancery-dev/chancery/services/gateway/internal/worldtest"
)

// desk is an authorizer whose observations are kept.
type desk struct {
	*worldtest.World
	now        time.Time
	authorizer *verdict.Authorizer
	book       *record.Book
	mu         sync.Mutex
	kinds      []string
	facts      []proto.Message
}

func open(t *testing.T) *desk {
	memory := worldtest.NewMemory(t)
	fingerprints := secret.NewFingerprints(make([]byte, 32))
	d := &desk{now: time.Now()}
	clock := func() time.Time { return d.now }
	d.World = worldtest.Make(memory.Append, fingerprints, d.now)
	d.authorizer = &verdict.Authorizer{Fold: memory.Fold, Fingerprints: fingerprints, Now: clock}
	d.book = &record.Book{Authorizer: "a", Now: clock, Logger: slog.New(slog.DiscardHandler), Observe: func(_ context.Context, kind string, facts ...proto.Message) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, f := range facts {
			d.kinds, d.facts = append(d.kinds, kind), append(d.facts, f)
		}
		return nil
	}}
	return d
}

func (d *desk) call(key, method, path, network string) verdict.Verdict {
	v := d.authorizer.Authorize(context.Background(), verdict.Request{Method: method, Target: "/ledger/v1" + path, Environment: "sandbox", Authorization: []string{"Bearer " + key}, Network: network})
	d.book.Count(&v, network)
	return v
}

func of[T proto.Message](d *desk) (out []T) {
	for _, f := range d.facts {
		if x, ok := f.(T); ok {
			out = append(out, x)
		}
	}
	return out
}

// Whoever is refused cannot fill ACTIVITY: however many networks, secrets and calls, a window holds a bounded number.
func TestRefusedCallsCannotFillTheRecord(t *testing.T) {
	d := open(t)
	_, key := d.Issue("api_key", "accounts:read")
	for i := range 30_000 {
		d.call(secret.NewKey(secret.Test).Reveal(), "GET", "/accounts", fmt.Sprintf("10.%d.%d.0/24", i>>8, i&255))
		d.call(key, "GET", fmt.Sprintf("/nothing/%d", i), "203.0.113.0/24")
	}
	d.book.WriteDenials(t.Context(), false)
	first, calls := len(d.facts), uint64(0)
	for _, f := range of[*activityv1.AccessDenied](d) {
		calls += f.Count
	}
	if first > 10_010 || calls != 60_000 {
		t.Errorf("%d observations of %d calls", first, calls)
	}
	// Within the window nothing more is written.
	for i := range 10_000 {
		d.call("chy_test_x", "GET", "/accounts", fmt.Sprintf("10.%d.%d.0/24", i>>8, i&255))
	}
	d.now = d.now.Add(30 * time.Second)
	d.book.WriteDenials(t.Context(), false)
	if len(d.facts) != first {
		t.Errorf("%d more within one window", len(d.facts)-first)
	}
}

// D4: use of what was retired or revoked has a signal of its own, one a window for each generation.
func TestUseOfARetiredSecretIsToldOnceAWindow(t *testing.T) {
	d := open(t)
	id, old := d.Issue("api_key", "accounts:read")
	d.Rotate(id, time.Hour)
	d.Append("issuance", "credential", id, &issuancev1.CredentialRetired{Generation: 1})
	gone, secret := d.Issue("api_key", "accounts:read")
	d.Append("issuance", "credential", gone, &issuancev1.CredentialRevoked{})
	for range 100 {
		d.call(old, "GET", "/accounts", "203.0.113.0/24")
		d.call(secret, "GET", "/accounts", "198.51.100.0/24")
	}
	d.book.WriteDenials(t.Context(), false)
	used := of[*activityv1.RetiredCredentialUsed](d)
	if len(used) != 2 {
		t.Fatalf("%d signals", len(used))
	}
	for _, f := range used {
		if f.Count != 100 || f.State == "retired" != (f.CredentialId == id) || f.Generation != 1 || f.Network == "" || f.ApplicationId != d.Application {
			t.Errorf("%v", f)
		}
	}
	d.call(old, "GET", "/accounts", "203.0.113.0/24")
	d.book.WriteDenials(t.Context(), false)
	d.now = d.now.Add(time.Minute)
	d.book.WriteDenials(t.Context(), false)
	if n := len(of[*activityv1.RetiredCredentialUsed](d)); n != 3 {
		t.Errorf("%d signals after the next window", n)
	}
}

// L14, D18: what was used is told by scope and operation, from which networks, and what a proposal would have denied. Usage is
// an observation and never a fact of an aggregate.
func TestAUsageWindowTellsWhatWasUsed(t *testing.T) {
	d := open(t)
	_, key := d.Issue("api_key", "accounts:read", "payments:write")
	d.call(key, "GET", "/accounts", "203.0.113.0/24")
	d.call(key, "GET", "/accounts/7", "203.0.113.0/24")
	d.Append("approval", "grant", d.Grant, &approvalv1.GrantShrinkProposed{KeptScopes: []string{"accounts:read"}, UnusedScopes: []string{"payments:write"}})
	for range 3 {
		if v := d.call(key, "POST", "/payments", "198.51.100.0/24"); !v.Allowed() {
			t.Fatalf("a proposal denies: %s", v.Reason)
		}
	}
	if live, organizations := d.book.Recent(); len(live) != 1 || organizations[d.Organization] != 5 {
		t.Errorf("live usage: %v %v", live, organizations)
	}
	if live, _ := d.book.Recent(); len(live) != 0 {
		t.Errorf("told twice: %v", live)
	}
	d.book.WriteUsage(t.Context())
	d.call(key, "GET", "/accounts", "203.0.113.0/24")
	d.book.WriteUsage(t.Context())
	all := of[*activityv1.UsageWindow](d)
	if len(all) != 2 {
		t.Fatalf("%d windows", len(all))
	}
	w := all[0]
	if w.Count != 5 || w.CallsByScope["accounts:read"] != 5 || w.CallsByScope["payments:write"] != 3 || w.CallsByOperation["pay"] != 3 || w.CallsByOperation["listAccounts"] != 1 ||
		w.WouldDeny["payments:write"] != 3 || w.WouldDeny["accounts:read"] != 0 || w.CallsByNetwork["203.0.113.0/24"] != 2 || w.CallsByNetwork["198.51.100.0/24"] != 3 {
		t.Errorf("%v", w)
	}
	if w = all[1]; w.Count != 1 || len(w.CallsByNetwork) != 1 {
		t.Errorf("%v", w)
	}
	d.Append("approval", "grant", d.Grant, &approvalv1.GrantNarrowed{Scopes: []string{"accounts:read"}})
	if v := d.call(key, "POST", "/payments", ""); v.Reason != verdict.ScopeMissing {
		t.Errorf("after narrowing: %q", v.Reason)
	}
	d.Append("approval", "grant", d.Grant, &approvalv1.GrantRestored{Scopes: []string{"accounts:read", "payments:write"}})
	if v := d.call(key, "POST", "/payments", ""); !v.Allowed() {
		t.Errorf("after the narrowing was taken back: %q", v.Reason)
	}
}
