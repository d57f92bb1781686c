package product

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Orphan records that a person left every seat they held.
type Orphan struct{ PersonID string }

// Decide follows rule 7; a person who holds no seat here changes nothing.
func (c Orphan) Decide(s State) ([]aggregate.Event, error) {
	if !s.Drafted {
		return nil, ErrUnknown
	}
	var facts []aggregate.Event
	if c.PersonID == "" {
		return nil, nil
	}
	for _, seat := range Seats {
		if s.Holders[seat] == c.PersonID {
			facts = append(facts, &registryv1.ProductOrphaned{Seat: seat, PersonId: c.PersonID})
		}
	}
	if slices.Contains(s.Reviewers, c.PersonID) {
		facts = append(facts, &registryv1.ProductOrphaned{Seat: Reviewer, PersonId: c.PersonID})
	}
	return facts, nil
}
