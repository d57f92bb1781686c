package leak_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/testkit"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/leak"
)

var at = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func received(ids ...string) *issuancev1.LeakReceived {
	f := &issuancev1.LeakReceived{Source: "github"}
	for _, id := range ids {
		f.Secrets = append(f.Secrets, &issuancev1.LeakedSecret{CredentialId: id, Generation: 1})
	}
	return f
}

func receive(ids ...string) leak.Receive {
	c := leak.Receive{Source: "github", ReceivedAt: at, FinishAt: at.Add(time.Second)}
	for _, id := range ids {
		c.Secrets = append(c.Secrets, leak.Secret{CredentialID: id, Generation: 1})
	}
	return c
}

func TestAReportNamesEachSecretOnce(t *testing.T) { // L11
	testkit.Given[leak.State](t).When(receive("a", "b", "a")).Then(&issuancev1.LeakReceived{
		Source: "github", ReceivedAt: timestamppb.New(at), FinishAt: timestamppb.New(at.Add(time.Second)), Count: 2,
		Secrets: received("a", "b").Secrets, Generations: []string{"a/1", "b/1"},
	})
	testkit.Given[leak.State](t).When(receive()).Refused(leak.ErrEmpty)
}

func TestTheSameReportAddsOnlyWhatIsNew(t *testing.T) { // L11
	testkit.Given[leak.State](t, received("a", "b"), &issuancev1.LeakClosed{}).When(receive("b", "a")).Then()
	story := testkit.Given[leak.State](t, received("a"), &issuancev1.LeakClosed{}).When(receive("a", "b")).Then(&issuancev1.LeakReceived{
		Source: "github", ReceivedAt: timestamppb.New(at), FinishAt: timestamppb.New(at.Add(time.Second)), Count: 1, Secrets: received("b").Secrets, Generations: []string{"b/1"},
	})
	if s := story.State(); s.Closed || len(s.Secrets) != 2 {
		t.Errorf("a report that grew is %+v", s)
	}
}

func TestAReportIsClosedOnceAndOnlyWhole(t *testing.T) { // L11
	testkit.Given[leak.State](t).When(leak.Close{}).Refused(leak.ErrUnknown)
	testkit.Given[leak.State](t, received("a", "b")).When(leak.Close{Secrets: 1}).Then()
	testkit.Given[leak.State](t, received("a"), &issuancev1.LeakClosed{}).When(leak.Close{Secrets: 1}).Then()
	testkit.Given[leak.State](t, received("a")).When(leak.Close{Secrets: 1, Ended: 1, Position: 9, DeadAt: at, Confirmed: []string{"g"}}).Then(
		&issuancev1.LeakClosed{Ended: 1, Position: 9, DeadAt: timestamppb.New(at), Confirmed: []string{"g"}})
}

func TestAReportEvolvesByEveryFact(t *testing.T) {
	testkit.EvolvesAll[leak.State](t, issuancev1.File_issuance_v1_leak_proto)
}
