package api

import (
	"context"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
)

// ofProvider tells whether the caller belongs to the platform's own organisation: a role of the provider's counts nowhere else.
func ofProvider(p principal.Principal) bool { return p.Organization == organization.ProviderID }

// overAll tells whether the caller's role reaches every organisation.
func overAll(p principal.Principal, roles ...string) bool { return ofProvider(p) && p.Has(roles...) }

func within(ok bool) error {
	if !ok {
		return problem.NotFoundError()
	}
	return nil
}

// seesOrganization: one's own; every one for the provider's people.
func (a *API) seesOrganization(ctx context.Context, p principal.Principal, id string) error {
	if id != p.Organization && !ofProvider(p) {
		return problem.NotFoundError()
	}
	_, found, err := a.Rows.Organization(ctx, id)
	if err != nil {
		return err
	}
	return within(found)
}

// administers reads the log, so that what one has just registered is there.
func (a *API) administers(ctx context.Context, p principal.Principal, id string) error {
	if id != p.Organization && !overAll(p, principal.PlatformAdmin) {
		return problem.NotFoundError()
	}
	s, _, err := a.Organizations.Load(ctx, id)
	if err != nil {
		return err
	}
	return within(s.Kind != "")
}

// seesPerson: people of one's own organisation; everybody for the platform's administrators and auditors.
func (a *API) seesPerson(ctx context.Context, p principal.Principal, id string) error {
	row, found, err := a.Rows.Person(ctx, id)
	if err != nil {
		return err
	}
	return within(found && a.reachesPerson(p, row.OrganizationID))
}

func (a *API) reachesPerson(p principal.Principal, organizationID string) bool {
	return organizationID == p.Organization || overAll(p, principal.PlatformAdmin, principal.Auditor)
}

func (a *API) administersPerson(ctx context.Context, p principal.Principal, id string) error {
	s, _, err := a.People.Load(ctx, id)
	if err != nil {
		return err
	}
	return within(s.Provisioned && (s.Organization == p.Organization || overAll(p, principal.PlatformAdmin)))
}

// reachesSession: one's own, or of a person one administers.
func (a *API) reachesSession(ctx context.Context, p principal.Principal, id string) error {
	s, err := a.Sessions.Find(ctx, id, a.Clock())
	if err != nil {
		return err
	}
	if s.PersonID == p.ID {
		return nil
	}
	if !p.Has(principal.OrgAdmin, principal.PlatformAdmin) {
		return problem.NotFoundError()
	}
	return a.administersPerson(ctx, p, s.PersonID)
}
