package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/testkit"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// leaked reports keys as anybody may, and gives the report's id once it is closed.
func (s *story) leaked(keys ...string) string {
	s.Helper()
	id := s.wants(s.call(nil, "POST", "issuance", "/v1/leaks", map[string]any{"secrets": keys}), 202, "").str("id")
	ines := s.Principal("ines")
	s.eventually("the report is closed", func() bool {
		return s.call(&ines, "GET", "issuance", "/v1/leaks/"+id, nil).str("state") == "closed"
	})
	return id
}

func TestALeakedKeyIsDeadWithinASecond(t *testing.T) { // L11, D13
	s := tell(t)
	random, seed := testkit.Random(t)
	real, fake := testkit.Size(100, 1_000), testkit.Size(900, 9_000)
	_, grant := s.granted("Leaky")
	issuance, gateway := s.Suite.Services["issuance"].Deps, s.Suite.Services["gateway"].Deps
	type key struct {
		id, secret string
		called     uint64
		dead       time.Duration
	}
	keys := make([]key, real)
	for i := range keys {
		k, err := s.Cast.Issue(s.ctx, "noor", grant, "api_key", "leaky "+strconv.Itoa(i))
		s.good(err)
		keys[i] = key{id: k.ID, secret: k.Secret}
	}
	noor := s.Principal("noor")
	// What each was used for, as authorizers tell it, in a few windows by several of them.
	exposed := time.Now()
	for i := range keys {
		for w := range 1 + random.IntN(4) {
			n := uint64(1 + random.IntN(500))
			keys[i].called += n
			at := exposed.Add(time.Duration(w) * time.Second)
			ctx := eventlog.WithMeta(s.ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: keys[i].id, Kind: "client"}, Organization: noor.Organization})
			s.good(gateway.Log.Observe(ctx, "usage", &activityv1.UsageWindow{CredentialId: keys[i].id, Generation: 1, Count: n, FirstAt: timestamppb.New(at), LastAt: timestamppb.New(at),
				CallsByScope: map[string]uint64{"accounts:read": n}, CallsByNetwork: map[string]uint64{fmt.Sprintf("198.51.%d.0/24", random.IntN(4)): n}, Authorizer: "a" + strconv.Itoa(w)}))
		}
	}
	if got := s.verdict(keys[0].secret, "/ledger/v1/accounts"); got != 204 {
		t.Fatalf("a good key: %d", got)
	}
	batch := make([]string, 0, real+fake)
	for _, k := range keys {
		batch = append(batch, k.secret)
	}
	for i := range fake {
		batch = append(batch, secret.NewKey(secret.Environments[i%len(secret.Environments)]).Reveal())
	}
	random.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	before, err := issuance.Log.Tail(s.ctx)
	s.good(err)

	begun := time.Now()
	answered := make(chan answer, 1)
	go func() {
		answered <- s.call(nil, "POST", "issuance", "/v1/leaks", map[string]any{"secrets": batch})
	}()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for left := real; left > 0; {
		for i := range keys {
			k := &keys[i]
			if k.dead == 0 && gateway.Lineage.Live(lineage.Part("generation", k.id, 1), time.Now()) != nil {
				k.dead = time.Since(begun)
				left--
			}
		}
		if s.ctx.Err() != nil {
			t.Fatalf("%d leaked keys live", left)
		}
		<-look.C // leaves the processor to what is measured
	}
	report := s.wants(<-answered, 202, "").str("id")
	for _, k := range keys {
		if got := s.verdict(k.secret, "/ledger/v1/accounts"); got != 401 {
			t.Errorf("leaked key %s: %d", k.id, got)
		}
	}
	times := make([]time.Duration, real)
	for i, k := range keys {
		times[i] = k.dead
	}
	slices.Sort(times)
	p50, p99, last := times[real/2], times[real*99/100], times[real-1]
	if p99 > time.Second && testkit.Proving() != "" {
		t.Errorf("p99 %s", p99)
	}

	ines := s.Principal("ines")
	s.eventually("the report is closed", func() bool {
		return s.call(&ines, "GET", "issuance", "/v1/leaks/"+report, nil).str("state") == "closed"
	})
	facts := map[string]int{}
	tail, err := issuance.Log.Tail(s.ctx)
	s.good(err)
	s.good(issuance.Log.Follow(s.ctx, before, func(_ context.Context, records []eventlog.Recorded) error {
		for _, r := range records {
			for _, fact := range r.Facts {
				if _, ok := fact.(*issuancev1.CredentialLeakReported); ok {
					facts[r.Envelope.GetSubject().GetId()]++
				}
			}
			if r.Sequence >= tail {
				return eventlog.ErrStop
			}
		}
		return nil
	}))
	for _, k := range keys {
		if facts[k.id] != 1 {
			t.Errorf("%d facts tell of the leak of %s", facts[k.id], k.id)
		}
		delete(facts, k.id)
	}
	if len(facts) > 0 {
		t.Errorf("credentials that were not in the batch are reported: %v", facts)
	}

	wanted := map[string]uint64{}
	for _, k := range keys {
		wanted[k.id] = k.called
	}
	right := 0
	s.eventually("the blast radius is what was called", func() bool {
		right = 0
		for after := ""; ; {
			var page struct {
				Secrets []struct {
					ID     string `json:"credential_id"`
					Radius struct {
						Requests uint64
						Networks map[string]uint64 `json:"by_network"`
					} `json:"blast_radius"`
				}
				Next string
			}
			s.good(json.Unmarshal([]byte(s.wants(s.call(&noor, "GET", "issuance", "/v1/leaks/"+report+"?after="+after, nil), 200, "").text), &page))
			for _, x := range page.Secrets {
				var sum uint64
				for _, n := range x.Radius.Networks {
					sum += n
				}
				if x.Radius.Requests == wanted[x.ID] && sum == wanted[x.ID] {
					right++
				}
			}
			if after = page.Next; after == "" {
				return right == real
			}
		}
	})
	testkit.Proved(t, "l11", "L11: a leaked key is dead within a second of its report", seed, fmt.Sprintf(
		"One anonymous batch of %d real and %d well-formed fake keys: the real ones were refused by the authorizer after p50 %s, p99 %s, the last %s from sending the report; each is told of by exactly one fact, nothing else ended, and the blast radius equals what was called for %d of %d.",
		real, fake, p50.Round(time.Millisecond), p99.Round(time.Millisecond), last.Round(time.Millisecond), right, real))
}

func TestALeakIsSeenByThoseItConcernsAlone(t *testing.T) { // L11, A16, G1
	s := tell(t)
	_, grant := s.granted("Seen leak")
	k, err := s.Cast.Issue(s.ctx, "noor", grant, "api_key", "seen")
	s.good(err)
	id := s.leaked(k.Secret, secret.NewKey(secret.Live).Reveal())
	noor, sam, kenji, ines := s.Principal("noor"), s.Principal("sam"), s.Principal("kenji"), s.Principal("ines")
	for who, p := range map[string]*struct{ status int }{"noor": {200}, "sam": {200}, "ines": {200}, "kenji": {404}} {
		as := s.Principal(who)
		if got := s.call(&as, "GET", "issuance", "/v1/leaks/"+id, nil); got.status != p.status || got.status == 200 && !strings.Contains(got.text, noor.ID) {
			t.Errorf("%s: %d %s", who, got.status, got.text)
		}
	}
	if a := s.wants(s.call(&kenji, "GET", "issuance", "/v1/leaks", nil), 200, ""); strings.Contains(a.text, id) {
		t.Error("another organisation's list shows the report")
	}
	s.wants(s.call(&sam, "GET", "issuance", "/v1/leaks/"+id+"/receipt", nil), 200, "")
	// The owners' notice and the end are records of their organisation, the report itself is not.
	s.eventually("the notice is on record", func() bool {
		a := s.call(&ines, "GET", "audit", "/v1/records?type=issuance.credential.OwnersNotified&subject="+k.ID, nil)
		return a.status == 200 && strings.Contains(a.text, k.ID)
	})
	if rule := s.wants(s.call(nil, "GET", "issuance", "/.well-known/secret-detector.json", nil), 200, ""); rule.str("pattern") != secret.Detector {
		t.Errorf("the published rule is %q", rule.str("pattern"))
	}
}
