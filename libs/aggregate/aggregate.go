// Package aggregate is the shape of every decision: a state folded from facts, and commands that say which facts follow.
package aggregate

import "google.golang.org/protobuf/proto"

// Event is one fact: a generated protobuf message.
type Event = proto.Message

// State is a value folded from facts; its zero value is the state before the first fact.
// Evolve never fails, never refuses and touches nothing but its receiver's copy.
type State[S any] interface{ Evolve(Event) S }

// Command decides, from the state alone, which facts follow or why none may. No facts and no error means that what was
// asked for already holds.
type Command[S any] interface{ Decide(S) ([]Event, error) }

// Fold evolves s by each event in order.
func Fold[S State[S]](s S, events ...Event) S {
	for _, e := range events {
		s = s.Evolve(e)
	}
	return s
}

// Owned is a state that can name the organisation whose record it is.
type Owned interface{ OrganizationID() string }

// Personal is a state that concerns one person, whose key seals profile fields.
type Personal interface{ PersonID() string }
