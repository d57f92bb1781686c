// Package testkit holds what tests of every service need: given/when/then for decisions, real servers and databases,
// and checks over descriptors.
package testkit

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-dev/chancery/libs/aggregate"
)

// Story is one test of a decision: Given some facts, When a command is decided, Then these facts follow or it is Refused.
type Story[S aggregate.State[S]] struct {
	t     *testing.T
	state S
	facts []aggregate.Event
	err   error
}

// Given starts a story from the facts that happened before.
func Given[S aggregate.State[S]](t *testing.T, before ...aggregate.Event) *Story[S] {
	t.Helper()
	var zero S
	return &Story[S]{t: t, state: aggregate.Fold(zero, before...)}
}

// When decides the command.
func (s *Story[S]) When(c aggregate.Command[S]) *Story[S] {
	s.t.Helper()
	s.facts, s.err = c.Decide(s.state)
	return s
}

// Then demands exactly these facts, and evolves the story's state by them.
func (s *Story[S]) Then(want ...aggregate.Event) *Story[S] {
	s.t.Helper()
	if s.err != nil {
		s.t.Fatalf("refused: %v", s.err)
	}
	if diff := cmp.Diff(want, s.facts, protocmp.Transform()); diff != "" {
		s.t.Fatalf("facts (-want +got):\n%s", diff)
	}
	s.state = aggregate.Fold(s.state, s.facts...)
	return s
}

// Refused demands this refusal and no facts.
func (s *Story[S]) Refused(want error) *Story[S] {
	s.t.Helper()
	if !errors.Is(s.err, want) {
		s.t.Fatalf("refusal %v, want %v (facts %v)", s.err, want, s.facts)
	}
	if len(s.facts) != 0 {
		s.t.Fatalf("a refusal with facts: %v", s.facts)
	}
	return s
}

// State is the state after the last Then.
func (s *Story[S]) State() S { return s.state }
