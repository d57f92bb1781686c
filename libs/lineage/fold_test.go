package lineage_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/lineage"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var start = time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)

// told is a fold with a short way to tell it things.
type told struct {
	*lineage.Fold
	t testing.TB
}

func tell(t testing.TB) told { return told{lineage.NewFold(), t} }

func (f told) that(kind, id string, seen uint64, facts ...proto.Message) told {
	f.t.Helper()
	e := &eventv1.Envelope{Subject: &eventv1.Subject{Kind: kind, Id: id}, Seen: seen}
	if err := f.Apply(f.Position()+1, start, e, facts); err != nil {
		f.t.Fatal(err)
	}
	return f
}

func (f told) because(err error, want lineage.Dead) {
	f.t.Helper()
	d, ok := lineage.Why(err)
	if !ok {
		f.t.Fatalf("%v, want %v", err, &want)
	}
	if *d != want {
		f.t.Fatalf("%+v, want %+v", *d, want)
	}
}

// chain is an organisation, an application, a request, a grant and a credential, named by one letter each.
func chain(t testing.TB) told {
	return tell(t).
		that("organization", "o", 0, &identityv1.OrganizationRegistered{}).
		that("application", "a", 1, &registryv1.ApplicationRegistered{OrganizationId: "o"}).
		that("request", "r", 2, &approvalv1.RequestSubmitted{ApplicationId: "a", OrganizationId: "o"}).
		that("grant", "g", 3, &approvalv1.GrantActivated{RequestId: "r", ApplicationId: "a", OrganizationId: "o", Until: timestamppb.New(start.Add(time.Hour))}).
		that("credential", "c", 4, &issuancev1.CredentialIssued{GrantId: "g", RequestId: "r", ApplicationId: "a", OrganizationId: "o",
			Generation: 1, ExpiresAt: timestamppb.New(start.Add(30 * time.Minute))})
}

func ref(kind, id string) lineage.Ref { return lineage.Ref{Kind: kind, ID: id} }

var generation1 = lineage.Part("generation", "c", 1)

func TestARefusalNamesTheAncestorAndThePosition(t *testing.T) {
	f := chain(t)
	if err := f.Live(generation1, start); err != nil {
		t.Fatal(err)
	}
	f.because(f.Live(generation1, start.Add(30*time.Minute)), lineage.Dead{Of: generation1, By: generation1, Cause: lineage.Expired, Until: start.Add(30 * time.Minute)})
	f.because(f.Live(ref("credential", "c"), start.Add(time.Hour)), lineage.Dead{Of: ref("credential", "c"), By: ref("grant", "g"), Cause: lineage.Expired, Until: start.Add(time.Hour)})
	f.because(f.Live(ref("credential", "d"), start), lineage.Dead{Of: ref("credential", "d"), By: ref("credential", "d"), Cause: lineage.Unknown})
	f.because(f.Live(lineage.Part("generation", "c", 2), start), lineage.Dead{Of: lineage.Part("generation", "c", 2), By: lineage.Part("generation", "c", 2), Cause: lineage.Unknown})

	f.that("application", "a", 5, &registryv1.ApplicationSuspended{})
	f.because(f.Live(generation1, start), lineage.Dead{Of: generation1, By: ref("application", "a"), Cause: lineage.Paused})
	f.that("application", "a", 6, &registryv1.ApplicationResumed{})
	if err := f.Live(generation1, start); err != nil {
		t.Fatal(err)
	}
	f.that("application", "a", 7, &registryv1.ApplicationDisabled{}).that("application", "a", 8, &registryv1.ApplicationEnabled{})
	f.because(f.Live(generation1, start), lineage.Dead{Of: generation1, By: ref("application", "a"), Cause: lineage.Ended, Position: 8})
	if since, open := f.Since(ref("application", "a"), "credential"); since != 9 || !open {
		t.Fatalf("since %d, open %v", since, open)
	}
	if err := f.Live(ref("application", "a"), start); err != nil {
		t.Fatal(err)
	}
}

func TestGenerationsEndByNumber(t *testing.T) {
	f := chain(t).that("credential", "c", 5, &issuancev1.CredentialRotationStarted{Generation: 2, PreviousGeneration: 1,
		ExpiresAt: timestamppb.New(start.Add(50 * time.Minute)), OverlapEndsAt: timestamppb.New(start.Add(time.Minute))})
	generation2 := lineage.Part("generation", "c", 2)
	if f.Live(generation1, start) != nil || f.Live(generation2, start) != nil {
		t.Fatal("both live during the overlap")
	}
	f.because(f.Live(generation1, start.Add(time.Minute)), lineage.Dead{Of: generation1, By: generation1, Cause: lineage.Expired, Until: start.Add(time.Minute)})
	f.that("credential", "c", 6, &issuancev1.CredentialLeakReported{Generation: 1})
	f.because(f.Live(generation1, start), lineage.Dead{Of: generation1, By: generation1, Cause: lineage.Ended, Position: 7})
	if err := f.Live(generation2, start); err != nil {
		t.Fatal(err)
	}
	n, ok := f.Find(generation2)
	if !ok || f.LiveNode(n, start) != nil {
		t.Fatal("the handle says the same")
	}
	f.that("credential", "c", 7, &issuancev1.CredentialRetired{Generation: 2})
	f.because(f.LiveNode(n, start), lineage.Dead{Of: generation2, By: generation2, Cause: lineage.Ended, Position: 8})
	if err := f.Live(ref("credential", "c"), start); err != nil {
		t.Fatal("a credential outlives its generations:", err)
	}
}

func TestARenewalNeedsALogTimeBeforeTheOldOne(t *testing.T) {
	late := func(stored time.Duration) error {
		f := chain(t)
		e := &eventv1.Envelope{Subject: &eventv1.Subject{Kind: "grant", Id: "g"}, Seen: 5}
		if err := f.Apply(6, start.Add(stored), e, []proto.Message{renewed(start.Add(9 * time.Hour).Unix())}); err != nil {
			t.Fatal(err)
		}
		return f.Live(ref("grant", "g"), start.Add(2*time.Hour))
	}
	if err := late(time.Hour - time.Second); err != nil {
		t.Error(err)
	}
	if late(time.Hour) == nil {
		t.Error("an expired grant was revived")
	}
}

func TestAClaimThatCannotBeJudgedIsRefused(t *testing.T) {
	f := chain(t).that("token", "t", 5, &issuancev1.TokenRevoked{})
	claim := func(change func(*lineage.Claim)) error {
		c := lineage.Claim{Ref: ref("token", "x"), Seen: 5, Expires: start.Add(time.Minute), Ancestors: []lineage.Ref{generation1}}
		change(&c)
		return f.LiveClaim(c, start)
	}
	if err := claim(func(*lineage.Claim) {}); err != nil {
		t.Fatal(err)
	}
	x := ref("token", "x")
	f.because(claim(func(c *lineage.Claim) { c.Seen = 7 }), lineage.Dead{Of: x, By: x, Cause: lineage.Behind, Position: 7})
	f.because(claim(func(c *lineage.Claim) { c.Ancestors = nil }), lineage.Dead{Of: x, By: x, Cause: lineage.Unknown})
	f.because(claim(func(c *lineage.Claim) { c.Ancestors = []lineage.Ref{ref("nonsense", "c")} }), lineage.Dead{Of: x, By: ref("nonsense", "c"), Cause: lineage.Unknown})
	f.because(claim(func(c *lineage.Claim) { c.Ref.ID = "t" }), lineage.Dead{Of: ref("token", "t"), By: ref("token", "t"), Cause: lineage.Ended, Position: 6})
	f.because(claim(func(c *lineage.Claim) {
		c.From = []lineage.Claim{{Ref: ref("session", "s"), Seen: 5, Expires: start, Ancestors: []lineage.Ref{ref("organization", "o")}}}
	}), lineage.Dead{Of: x, By: ref("session", "s"), Cause: lineage.Expired, Until: start})
	if claim(func(c *lineage.Claim) { c.Expires = time.Time{} }) == nil {
		t.Error("a claim without an expiry was admitted")
	}
	if claim(func(c *lineage.Claim) {
		for range 100 {
			c.From = []lineage.Claim{*c}
		}
	}) == nil {
		t.Error("an endless chain was admitted")
	}
}

func TestWhatAnUnknownFactConcernsIsRefused(t *testing.T) {
	f := chain(t)
	f.that("application", "a", 5, nil)
	f.because(f.Live(generation1, start), lineage.Dead{Of: generation1, By: ref("application", "a"), Cause: lineage.Unreadable})
}

func TestAFactThatLeavesItsAncestorOutCreatesNothingLive(t *testing.T) {
	f := tell(t).that("organization", "o", 0, &identityv1.OrganizationRegistered{}).
		that("application", "a", 1, &registryv1.ApplicationRegistered{})
	f.because(f.Live(ref("application", "a"), start), lineage.Dead{Of: ref("application", "a"), By: ref("organization", ""), Cause: lineage.Unknown})
}

func TestADecisionCannotHaveSeenItself(t *testing.T) {
	f := tell(t).that("organization", "o", 0, &identityv1.OrganizationRegistered{}).
		that("application", "a", math.MaxUint64, &registryv1.ApplicationRegistered{OrganizationId: "o"}).
		that("request", "r", math.MaxUint64, &approvalv1.RequestSubmitted{ApplicationId: "a", OrganizationId: "o"}).
		that("application", "a", 3, &registryv1.ApplicationDisabled{}).that("application", "a", 4, &registryv1.ApplicationEnabled{})
	if f.Live(ref("request", "r"), start) == nil {
		t.Fatal("a request that says it saw everything outlived an ending")
	}
}

func TestMessagesComeInOrderAndWithoutAHole(t *testing.T) {
	f := chain(t)
	e := &eventv1.Envelope{Subject: &eventv1.Subject{Kind: "application", Id: "a"}}
	ends := []proto.Message{&registryv1.ApplicationDisabled{}}
	if err := f.Apply(7, start, e, ends); !errors.Is(err, lineage.ErrHole) {
		t.Fatalf("a hole: %v", err)
	}
	if err := f.Apply(3, start, e, ends); err != nil || f.Position() != 5 {
		t.Fatalf("said again: %v at %d", err, f.Position())
	}
	if err := f.Apply(6, start, &eventv1.Envelope{}, ends); err == nil || f.Position() != 5 {
		t.Fatalf("no subject: %v at %d", err, f.Position())
	}
	if err := f.Apply(6, start, e, []proto.Message{futureFact("Wrong")}); err == nil || f.Position() != 5 {
		t.Fatalf("wrong options: %v at %d", err, f.Position())
	}
	if err := f.Live(generation1, start); err != nil {
		t.Fatal(err)
	}
}

func TestEveryFactsOptionsCanBeRead(t *testing.T) {
	n := 0
	for name := range everyMessage() {
		n++
		f := tell(t)
		mt, err := protoregistry.GlobalTypes.FindMessageByName(name)
		if err != nil {
			t.Fatal(err)
		}
		f.that("subject", "s", 0, mt.New().Interface())
	}
	if n < 50 {
		t.Fatalf("only %d messages", n)
	}
}

func TestWaitingIsBounded(t *testing.T) {
	f := chain(t)
	if err := f.WaitFor(context.Background(), 5); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.WaitFor(ctx, 6); !errors.Is(err, lineage.ErrBehind) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v", err)
		}
		var wg sync.WaitGroup
		for p := range uint64(50) {
			wg.Go(func() {
				if err := f.WaitFor(t.Context(), 6+p%3); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		for range 3 {
			f.that("application", fmt.Sprint(f.Position()), 5, &registryv1.ApplicationRegistered{OrganizationId: "o"})
		}
		wg.Wait()
	})
}

func TestManyAskWhileOneApplies(t *testing.T) {
	f := chain(t)
	stop, wg := make(chan struct{}), sync.WaitGroup{}
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := f.Live(generation1, start); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 2000 {
		f.that("application", fmt.Sprint(i), f.Position(), &registryv1.ApplicationRegistered{OrganizationId: "o"})
	}
	close(stop)
	wg.Wait()
}
