package person

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Provision makes a person known to their organisation.
type Provision struct{ ID, OrganizationID, Name, Email, Subject, Issuer, Origin string }

// Decide follows rules 1, 3 and 4.
func (c Provision) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case c.ID == "" || c.OrganizationID == "" || c.Name == "" || c.Email == "" || c.Subject == "" || c.Issuer == "":
		return nil, ErrIncomplete
	case s.Erased:
		return nil, ErrErased
	case s.Provisioned && s.Organization != c.OrganizationID:
		return nil, ErrMoves
	case s.Provisioned && !s.Gone:
		return nil, ErrProvisioned
	case s.Gone && c.Origin == SignIn:
		return nil, ErrGone
	}
	return []aggregate.Event{&identityv1.PersonProvisioned{PersonId: c.ID, OrganizationId: c.OrganizationID, Name: c.Name,
		Email: c.Email, IdpSubject: c.Subject, Issuer: c.Issuer, Origin: c.Origin}}, nil
}
