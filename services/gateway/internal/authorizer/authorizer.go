// Package authorizer is one authorizer as receipts count it: a member from its joining until it leaves.
//
// Rules:
//  1. An authorizer joins under a name and a key of its own; a process that starts again joins anew with another key.
//  2. Leaving ends the membership; leaving twice says nothing new.
package authorizer

import (
	"errors"

	"github.com/chancery-dev/chancery/libs/aggregate"
	gatewayv1 "github.com/chancery-dev/chancery/proto/gateway/v1"
)

// ErrNoKey is the refusal of rule 1.
var ErrNoKey = errors.New("an authorizer joins with a key of its own")

// State is one authorizer.
type State struct {
	Joined bool
	KeyID  string
}

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *gatewayv1.AuthorizerJoined:
		s.Joined, s.KeyID = true, e.KeyId
	case *gatewayv1.AuthorizerLeft:
		s.Joined = false
	}
	return s
}

// Join begins a membership.
type Join struct {
	Environment, KeyID string
	JWK                []byte
}

// Decide follows rule 1.
func (c Join) Decide(State) ([]aggregate.Event, error) {
	if c.KeyID == "" || len(c.JWK) == 0 {
		return nil, ErrNoKey
	}
	return []aggregate.Event{&gatewayv1.AuthorizerJoined{Environment: c.Environment, KeyId: c.KeyID, Jwk: c.JWK}}, nil
}

// Leave ends the membership of the process with this key.
type Leave struct{ KeyID string }

// Decide follows rule 2; a successor under the same name stays.
func (c Leave) Decide(s State) ([]aggregate.Event, error) {
	if !s.Joined || s.KeyID != c.KeyID {
		return nil, nil
	}
	return []aggregate.Event{&gatewayv1.AuthorizerLeft{}}, nil
}
