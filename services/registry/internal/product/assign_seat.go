package product

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// AssignSeat gives a seat to a person; but for the reviewers' it is taken from who held it.
type AssignSeat struct {
	Seat   string
	Person Person
}

// Decide follows rule 4.
func (c AssignSeat) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	switch {
	case c.Seat != Reviewer && !slices.Contains(Seats, c.Seat):
		return nil, ErrSeat
	case c.Person.ID == "" || !c.Person.Here || c.Person.OrganizationID != s.Organization:
		return nil, ErrNotOfOrganization
	case c.Seat == Reviewer && slices.Contains(s.Reviewers, c.Person.ID), s.Holders[c.Seat] == c.Person.ID:
		return nil, nil
	}
	return []aggregate.Event{&registryv1.ProductSeatAssigned{Seat: c.Seat, PersonId: c.Person.ID, PreviousPersonId: s.Holders[c.Seat]}}, nil
}
