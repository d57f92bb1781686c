// Package authorizer is the signing-off of an authorizer that cannot leave by itself.
//
// Rules:
//  1. Only a member is signed off, and with a reason.
//  2. One that joined again afterwards is a member again, and can be signed off again.
package authorizer

import (
	"errors"
	"strings"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Refusals.
var (
	ErrNoMember = errors.New("no authorizer of this name is a member")
	ErrNoReason = errors.New("signing off needs a reason")
)

// State is how often an authorizer was signed off.
type State struct{ Times int }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	if _, ok := e.(*issuancev1.AuthorizerSignedOff); ok {
		s.Times++
	}
	return s
}

// SignOff ends the membership of an authorizer.
type SignOff struct {
	// Member says that it is one, as far as the fold knows that the decision rests on.
	Member bool
	Reason string
}

// Decide follows rule 1.
func (c SignOff) Decide(State) ([]aggregate.Event, error) {
	switch {
	case !c.Member:
		return nil, ErrNoMember
	case strings.TrimSpace(c.Reason) == "":
		return nil, ErrNoReason
	}
	return []aggregate.Event{&issuancev1.AuthorizerSignedOff{Reason: c.Reason}}, nil
}
