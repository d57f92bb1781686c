package grant

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

var (
	watched  = ProposeShrink{Used: []string{"accounts:read"}, From: at, To: at.Add(24 * time.Hour), ShadowUntil: at.Add(48 * time.Hour)}
	proposed = &approvalv1.GrantShrinkProposed{KeptScopes: []string{"accounts:read"}, UnusedScopes: []string{"payments:read"}, ObservedFrom: timestamppb.New(at),
		ObservedTo: timestamppb.New(at.Add(24 * time.Hour)), ShadowUntil: timestamppb.New(at.Add(48 * time.Hour))}
	undo     = at.Add(72 * time.Hour)
	narrowed = &approvalv1.GrantNarrowed{Scopes: []string{"accounts:read"}, Reason: Accepted, UndoUntil: timestamppb.New(undo)}
)

// L14, D19
func TestWhatWasNotUsedIsProposedToGo(t *testing.T) {
	given(t, activated).When(watched).Then(proposed)
	given(t, activated, proposed).When(watched).Refused(ErrProposed)
	all, none, back := watched, watched, watched
	all.Used, none.Used, back.To = []string{"accounts:read", "payments:read"}, nil, at
	given(t, activated).When(all).Then().When(none).Then().When(back).Refused(ErrNotUnused)
	given(t, activated, &approvalv1.GrantRevoked{Reason: "x"}).When(watched).Then()
}

// L14
func TestAProposalIsAcceptedUnlessItsScopesWereUsed(t *testing.T) {
	given(t, activated, proposed).When(AcceptShrink{Used: []string{"accounts:read"}, UndoUntil: undo}).Then(narrowed)
	given(t, activated, proposed).When(AcceptShrink{Used: []string{"payments:read"}, UndoUntil: undo}).Refused(ErrUsedMeanwhile)
	given(t, activated).When(AcceptShrink{UndoUntil: undo}).Refused(ErrNotProposed)
	given(t, activated, proposed, narrowed).When(AcceptShrink{UndoUntil: undo}).Refused(ErrNotProposed)
	given(t, activated, proposed).When(DismissShrink{Reason: "seasonal"}).Then(&approvalv1.GrantShrinkDismissed{Reason: "seasonal"})
	given(t, activated, proposed, &approvalv1.GrantShrinkDismissed{Reason: "x"}).When(DismissShrink{Reason: "x"}).Refused(ErrNotProposed)
}

// L14: never more than was approved, never for longer, and only what a proposal took away.
func TestANarrowingIsTakenBackOnce(t *testing.T) {
	restored := &approvalv1.GrantRestored{Scopes: []string{"accounts:read", "payments:read"}, Reason: "month's end"}
	back := Restore{Reason: "month's end", Now: undo.Add(-time.Second)}
	given(t, activated, proposed, narrowed).When(back).Then(restored)
	given(t, activated, proposed, narrowed, restored).When(back).Refused(ErrNothingToUndo)
	late := back
	late.Now = undo
	given(t, activated, proposed, narrowed).When(late).Refused(ErrNothingToUndo)
	given(t, activated, &approvalv1.GrantNarrowed{Scopes: []string{"accounts:read"}, Reason: "by hand"}).When(back).Refused(ErrNothingToUndo)
	given(t, activated, proposed, narrowed, &approvalv1.GrantRevoked{Reason: "x"}).When(back).Refused(ErrEnded)
	given(t, activated, proposed, narrowed).When(Restore{Now: at}).Refused(ErrReason)
}
