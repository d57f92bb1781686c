package application

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// AssignOwner hands a seat over to somebody else.
type AssignOwner struct {
	Seat   string
	Person Person
}

// Decide follows rules 2, 3 and 4.
func (c AssignOwner) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	other := BackupOwner
	switch c.Seat {
	case Owner:
	case BackupOwner:
		other = Owner
	default:
		return nil, ErrSeat
	}
	switch {
	case !c.Person.of(s.Organization):
		return nil, ErrNotOfOrganization
	case s.Holders[other] == c.Person.ID:
		return nil, ErrTwoOwners
	case s.Holders[c.Seat] == c.Person.ID && !s.orphaned(c.Seat):
		return nil, nil
	}
	return []aggregate.Event{&registryv1.ApplicationOwnerAssigned{
		Seat: c.Seat, PersonId: c.Person.ID, PreviousPersonId: s.Holders[c.Seat],
	}}, nil
}
