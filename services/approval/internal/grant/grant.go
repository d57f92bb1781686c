// Package grant is the access an approved request gave, until it ends.
//
// Rules:
//  1. A grant is activated once, from an approved request and nothing else, for exactly what was approved (D15, L7).
//  2. It ends at the time that was asked for, counted from the approval; there is no grant without an end (C6).
//  3. Narrowing leaves fewer of its scopes, at least one, and never another one (D19).
//  4. It expires no sooner than its end, and is revoked at any time with a reason.
//  5. A grant that ended never comes back.
//  6. A proposal to narrow names scopes that the grant has and that were not used while it was watched, leaves at least one,
//     and is the only open one. It takes nothing away by itself (L14, D19).
//  7. Accepting it narrows to what it keeps; one whose unused scopes were used meanwhile is dismissed instead.
//  8. A narrowing that followed a proposal can be taken back once, for as long as was said then: to the scopes it had before,
//     each of which was approved, and to the same end. Nobody needs to approve them again.
package grant

import (
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// How a grant ends.
const (
	Expired = "expired"
	Revoked = "revoked"
)

// State is one grant; its zero value is one that nobody activated.
type State struct {
	Activated     bool
	RequestID     string
	ApplicationID string
	Organization  string
	ProductID     string
	Scopes        []string
	Environment   string
	Class         string
	Until         time.Time
	Ended         string
	// Approved are the scopes it was activated with.
	Approved []string
	// Proposal is the open one, if there is any.
	Proposal Proposal
	// Undo is what the last narrowing can be taken back to.
	Undo Undo
}

// Proposal is what a grant could do without; zero is none.
type Proposal struct {
	Kept, Unused                    []string
	ObservedFrom, ObservedTo, Until time.Time
}

// Open tells whether there is a proposal.
func (p Proposal) Open() bool { return len(p.Unused) > 0 }

// Undo is the way back from a narrowing; zero is none.
type Undo struct {
	Scopes []string
	Until  time.Time
}

// Refusals.
var (
	ErrUnknown          = errors.New("no such grant")
	ErrAlreadyActivated = errors.New("the grant was activated already")
	ErrNotApproved      = errors.New("only an approved request becomes a grant")
	ErrEnded            = errors.New("the grant has ended and cannot come back; request access anew")
	ErrNotNarrower      = errors.New("narrowing keeps at least one of the grant's scopes and drops at least one")
	ErrNotDue           = errors.New("the grant has not reached its end")
	ErrProposed         = errors.New("there is a proposal to narrow the grant already")
	ErrNotProposed      = errors.New("there is no proposal to narrow the grant")
	ErrNotUnused        = errors.New("a proposal keeps some of the grant's scopes and drops others of them, each watched for a while")
	ErrUsedMeanwhile    = errors.New("a scope that the proposal would drop has been used since")
	ErrNothingToUndo    = errors.New("no narrowing that followed a proposal can be taken back any more")
	ErrReason           = errors.New("say why, in at most 500 characters")
)

// OrganizationID is the organisation that has the access.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *approvalv1.GrantActivated:
		s.Activated = true
		s.RequestID, s.ApplicationID, s.Organization, s.ProductID = e.RequestId, e.ApplicationId, e.OrganizationId, e.ProductId
		s.Scopes, s.Environment, s.Class, s.Until = e.Scopes, e.Environment, e.Class, e.Until.AsTime()
		s.Approved = e.Scopes
	case *approvalv1.GrantNarrowed:
		s.Undo = Undo{}
		if e.UndoUntil != nil {
			s.Undo = Undo{Scopes: s.Scopes, Until: e.UndoUntil.AsTime()}
		}
		s.Scopes, s.Proposal = e.Scopes, Proposal{}
	case *approvalv1.GrantShrinkProposed:
		s.Proposal = Proposal{e.KeptScopes, e.UnusedScopes, e.ObservedFrom.AsTime(), e.ObservedTo.AsTime(), e.ShadowUntil.AsTime()}
	case *approvalv1.GrantShrinkDismissed:
		s.Proposal = Proposal{}
	case *approvalv1.GrantRestored:
		s.Scopes, s.Proposal, s.Undo = e.Scopes, Proposal{}, Undo{}
	case *approvalv1.GrantExpired:
		s.Ended = Expired
	case *approvalv1.GrantRevoked:
		s.Ended = Revoked
	}
	return s
}

// Standing is why the grant gives no access any more, or nil.
func (s State) Standing() error {
	switch {
	case !s.Activated:
		return ErrUnknown
	case s.Ended != "":
		return ErrEnded
	}
	return nil
}

func reason(text string) error {
	if n := len([]rune(text)); n == 0 || n > 500 {
		return ErrReason
	}
	return nil
}
