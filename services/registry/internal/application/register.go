package application

import (
	"strings"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Organization is who the application shall belong to, as the registry knows it when it decides.
type Organization struct {
	ID string
	// Kind is provider or partner.
	Kind string
	// Open is false for one that is unknown, suspended or closed.
	Open bool
}

// Register takes an application into the register.
type Register struct {
	Name, Purpose, Environment string
	Organization               Organization
	Owner, BackupOwner         Person
}

// Decide follows rules 1, 2 and 5.
func (c Register) Decide(s State) ([]aggregate.Event, error) {
	name, purpose := strings.TrimSpace(c.Name), strings.TrimSpace(c.Purpose)
	switch {
	case s.Registered:
		return nil, ErrAlreadyRegistered
	case name == "" || len([]rune(name)) > 100:
		return nil, ErrName
	case purpose == "" || len([]rune(purpose)) > 2000:
		return nil, ErrPurpose
	case c.Environment != "sandbox" && c.Environment != "production":
		return nil, ErrEnvironment
	case c.Organization.ID == "" || c.Organization.Kind != "partner" || !c.Organization.Open:
		return nil, ErrOrganization
	case c.Owner.ID == "" || c.BackupOwner.ID == "" || c.Owner.ID == c.BackupOwner.ID:
		return nil, ErrTwoOwners
	case !c.Owner.of(c.Organization.ID) || !c.BackupOwner.of(c.Organization.ID):
		return nil, ErrNotOfOrganization
	}
	return []aggregate.Event{&registryv1.ApplicationRegistered{
		Name: name, Purpose: purpose, OrganizationId: c.Organization.ID, Environment: c.Environment,
		OwnerId: c.Owner.ID, BackupOwnerId: c.BackupOwner.ID,
	}}, nil
}

func (p Person) of(organization string) bool {
	return p.Here && p.OrganizationID == organization
}
