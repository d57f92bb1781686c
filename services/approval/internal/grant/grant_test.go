package grant

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

var (
	at      = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	until   = at.Add(30 * 24 * time.Hour)
	content = &approvalv1.Content{ApplicationId: "app", OrganizationId: "northwind", ProductId: "ledger",
		Scopes: []string{"accounts:read", "payments:read"}, Environment: "sandbox", DurationSeconds: 30 * 24 * 3600, Class: "partner"}
	approved  = &approvalv1.RequestApproved{ContentDigest: "d", ReviewerIds: []string{"rita"}, Content: content}
	activate  = Activate{RequestID: "r1", Approved: approved, ApprovedAt: at}
	activated = &approvalv1.GrantActivated{RequestId: "r1", ApplicationId: "app", OrganizationId: "northwind", ProductId: "ledger",
		Scopes: []string{"accounts:read", "payments:read"}, Environment: "sandbox", Class: "partner", Until: timestamppb.New(until),
		ContentDigest: "d", ReviewerIds: []string{"rita"}}
)

func given(t *testing.T, facts ...aggregate.Event) *testkit.Story[State] {
	return testkit.Given[State](t, facts...)
}

func TestEveryFactIsEvolved(t *testing.T) {
	testkit.EvolvesAll[State](t, approvalv1.File_approval_v1_grant_proto)
}

// D15, L7
func TestAGrantIsExactlyWhatWasApproved(t *testing.T) {
	given(t).When(activate).Then(activated)
}

// X3
func TestActivatingAgainChangesNothing(t *testing.T) {
	later := activate
	later.ApprovedAt = at.Add(time.Hour)
	other := activate
	other.RequestID = "r2"
	given(t, activated).When(later).Then().When(other).Refused(ErrAlreadyActivated)
	given(t, activated, &approvalv1.GrantRevoked{Reason: "x"}).When(activate).Then()
}

// D15, C6
func TestNothingButAnApprovedRequestWithAnEndBecomesAGrant(t *testing.T) {
	endless := &approvalv1.Content{ApplicationId: "app", Scopes: []string{"a"}}
	for _, c := range []Activate{
		{},
		{RequestID: "r1"},
		{RequestID: "r1", Approved: &approvalv1.RequestApproved{}},
		{RequestID: "r1", Approved: &approvalv1.RequestApproved{Content: endless}},
		{Approved: approved, ApprovedAt: at},
	} {
		given(t).When(c).Refused(ErrNotApproved)
	}
}

func TestNothingHappensToAGrantBeforeItIsActivated(t *testing.T) {
	for _, c := range []aggregate.Command[State]{Narrow{}, Expire{Now: until}, Revoke{Reason: "x"}, ProposeShrink{}, AcceptShrink{}, DismissShrink{}, Restore{}} {
		given(t).When(c).Refused(ErrUnknown)
	}
}

// D19
func TestNarrowingLeavesFewerOfTheSameScopes(t *testing.T) {
	s := given(t, activated)
	for _, scopes := range [][]string{nil, {"accounts:read", "payments:read"}, {"payments:write"}, {"accounts:*"}, {"accounts:read", "admin"}} {
		s.When(Narrow{Scopes: scopes, Reason: "x"}).Refused(ErrNotNarrower)
	}
	s.When(Narrow{Scopes: []string{"accounts:read"}}).Refused(ErrReason)
	s.When(Narrow{Scopes: []string{"accounts:read", "accounts:read"}, Reason: "unused"}).
		Then(&approvalv1.GrantNarrowed{Scopes: []string{"accounts:read"}, Reason: "unused"})
	s.When(Narrow{Scopes: []string{"payments:read"}, Reason: "x"}).Refused(ErrNotNarrower)
}

// C6: expiry emits a fact.
func TestAGrantExpiresAtItsEndAndNoSooner(t *testing.T) {
	s := given(t, activated)
	s.When(Expire{Now: until.Add(-time.Nanosecond)}).Refused(ErrNotDue)
	s.When(Expire{Now: until}).Then(&approvalv1.GrantExpired{Until: timestamppb.New(until)})
	s.When(Expire{Now: until}).Then()
}

func TestAGrantThatEndedNeverComesBack(t *testing.T) {
	for _, end := range []aggregate.Event{&approvalv1.GrantRevoked{Reason: "x"}, &approvalv1.GrantExpired{Until: timestamppb.New(until)}} {
		s := given(t, activated, end)
		s.When(Narrow{Scopes: []string{"accounts:read"}, Reason: "x"}).Refused(ErrEnded)
		s.When(Revoke{Reason: "x"}).Refused(ErrEnded)
		s.When(Expire{Now: until}).Then()
		s.When(activate).Then()
	}
	given(t, activated).When(Revoke{}).Refused(ErrReason)
	given(t, activated).When(Revoke{Reason: "leaver"}).Then(&approvalv1.GrantRevoked{Reason: "leaver"})
}

// D19, C6, L14: whatever is commanded, a grant has no scope that was not approved, gets one back only by taking back a
// narrowing, its end never moves and an ended grant stays ended.
func TestNoHistoryWidensAGrant(t *testing.T) {
	all := append(slices.Clone(content.Scopes), "admin", "accounts:*")
	rapid.Check(t, func(t *rapid.T) {
		s := aggregate.Fold(State{}, aggregate.Event(activated))
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			was := s
			var c aggregate.Command[State]
			day := at.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "when")) * 24 * time.Hour)
			switch rapid.IntRange(0, 9).Draw(t, "command") {
			case 6:
				c = ProposeShrink{Used: rapid.SliceOfN(rapid.SampledFrom(all), 0, 3).Draw(t, "used"), From: at, To: day, ShadowUntil: day.Add(time.Hour)}
			case 7:
				c = AcceptShrink{Used: rapid.SliceOfN(rapid.SampledFrom(all), 0, 1).Draw(t, "used"), UndoUntil: day}
			case 8:
				c = DismissShrink{Reason: "x"}
			case 9:
				c = Restore{Reason: "x", Now: day}
			case 0:
				c = activate
			case 1:
				c = Revoke{Reason: "x"}
			case 2:
				c = Expire{Now: at.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "day")) * 24 * time.Hour)}
			default:
				c = Narrow{Scopes: rapid.SliceOfN(rapid.SampledFrom(all), 0, 3).Draw(t, "scopes"), Reason: "x"}
			}
			facts, _ := c.Decide(s)
			s = aggregate.Fold(s, facts...)
			for _, scope := range s.Scopes {
				_, restored := c.(Restore)
				if !slices.Contains(was.Scopes, scope) && !restored || !slices.Contains(content.Scopes, scope) {
					t.Fatalf("%s came from nowhere", scope)
				}
			}
			if !s.Until.Equal(until) || was.Ended != "" && s.Ended != was.Ended || len(s.Scopes) == 0 {
				t.Fatalf("%+v after %+v", s, was)
			}
		}
	})
}
