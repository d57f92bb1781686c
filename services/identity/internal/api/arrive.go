package api

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
	"github.com/chancery-dev/chancery/services/identity/internal/person"
	"github.com/chancery-dev/chancery/services/identity/internal/signon"
)

// Kinds under which the vault keeps who somebody is at their provider: by a keyed hash of issuer and subject the person, and
// by the person that hash, so that an erasure finds it.
const (
	links       = "link"
	personLinks = "person_link"
)

// foldPatience bounds how long a sign-in waits for the fold to reach what it has just decided.
const foldPatience = 5 * time.Second

// arrived is a person whom their provider vouched for, as the log knows them now.
type arrived struct {
	personID string
	seen     uint64 // position of the fold the verdict rests on
}

// arrive makes the person known, brings profile and roles in line with the claims, and says whether they may sign in.
//
//  1. The organisation is open and the address is of a domain it was first to claim.
//  2. Issuer and subject lead to the person, or to a new one.
//  3. Profile and roles follow the claims; the first administrator is appointed.
//  4. The fold reaches all of that, and the person, with their organisation, is live there.
func (a *API) arrive(ctx context.Context, organizationID string, c signon.Claims) (arrived, error) {
	ctx = asIdentity(ctx)
	org, at, err := a.Organizations.LoadLeader(ctx, organizationID)
	if err != nil {
		return arrived{}, err
	}
	if org.Closed {
		return arrived{}, organization.ErrClosed
	}
	if err := a.ownsDomain(ctx, organizationID, org, c); err != nil {
		return arrived{}, err
	}
	id, err := a.linked(ctx, organizationID, c)
	if err != nil {
		return arrived{}, err
	}
	for _, step := range []func() (uint64, error){
		func() (uint64, error) { return a.provision(ctx, id, organizationID, c) },
		func() (uint64, error) { return a.follow(ctx, id, c) },
		func() (uint64, error) { return a.enroll(ctx, id, organizationID, org, c) },
	} {
		position, err := step()
		if err != nil {
			return arrived{personID: id}, err
		}
		at = max(at, position)
	}
	seen, err := a.stands(ctx, id, at)
	return arrived{id, seen}, err
}

// asIdentity is ctx for what identity decides because somebody signs in. The traces of the request are left out: they
// belong to the person and would be sealed here under the name of a service.
func asIdentity(ctx context.Context) context.Context {
	m := eventlog.MetaFrom(ctx)
	m.CommandID, m.Actor = "", &eventv1.Actor{Id: "identity.sign_in", Kind: "service"}
	m.Source = &eventv1.Source{RequestId: m.Source.GetRequestId()}
	return eventlog.WithMeta(ctx, m)
}

func (a *API) ownsDomain(ctx context.Context, organizationID string, s organization.State, c signon.Claims) error {
	first, found, err := a.Rows.ByDomain(ctx, c.Domain())
	switch {
	case err != nil:
		return err
	case !slices.Contains(s.SingleSignOn.Domains, c.Domain()), found && first.ID != organizationID:
		return errForeignDomain
	}
	return nil
}

// linked answers the person behind issuer and subject; of several sign-ins at once one makes the link.
func (a *API) linked(ctx context.Context, organizationID string, c signon.Claims) (string, error) {
	sum := a.Fingerprints.Of("link\x00" + organizationID + "\x00" + c.Issuer + "\x00" + c.Subject)
	link := hex.EncodeToString(sum[:])
	known, err := a.Vault.Get(ctx, links, link)
	if err == nil {
		return string(known), nil
	}
	if !errors.Is(err, eventlog.ErrNoSecret) {
		return "", err
	}
	id := uuid.NewString() // random: what is computed of a name could be computed again after an erasure
	if err := a.Vault.Put(ctx, personLinks, id, []byte(link)); err != nil {
		return "", err
	}
	err = a.Vault.Create(ctx, links, link, []byte(id))
	if !errors.Is(err, eventlog.ErrSecretExists) {
		return id, err
	}
	// Another sign-in was first: what was prepared for this id leads nowhere, so that an erasure leaves nothing of it.
	if err := a.Vault.Put(ctx, personLinks, id, []byte("unused")); err != nil {
		return "", err
	}
	known, err = a.Vault.Get(ctx, links, link)
	return string(known), err
}

// Unlink takes out who a person is at their provider; policies and the erasing operation call it.
func Unlink(ctx context.Context, v *eventlog.Vault, personID string) error {
	link, err := v.Get(ctx, personLinks, personID)
	if errors.Is(err, eventlog.ErrNoSecret) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := v.Erase(ctx, links, string(link)); err != nil {
		return err
	}
	return v.Erase(ctx, personLinks, personID)
}

func (a *API) provision(ctx context.Context, id, organizationID string, c signon.Claims) (uint64, error) {
	s, at, err := a.People.LoadLeader(ctx, id)
	if err != nil {
		return 0, err
	}
	if s.Provisioned {
		return at, s.MaySignIn()
	}
	out, err := a.People.Handle(ctx, id, person.Provision{ID: id, OrganizationID: organizationID, Name: c.Name, Email: c.Email,
		Subject: c.Subject, Issuer: c.Issuer, Origin: person.SignIn})
	if errors.Is(err, person.ErrProvisioned) {
		_, at, err := a.People.LoadLeader(ctx, id)
		return at, err
	}
	return out.Position, err
}

// follow brings the profile in line; without a row yet there is nothing to compare, and the next sign-in does.
func (a *API) follow(ctx context.Context, id string, c signon.Claims) (uint64, error) {
	row, found, err := a.Rows.Person(ctx, id)
	if err != nil || !found {
		return 0, err
	}
	out, err := a.People.Handle(ctx, id, person.Change{Profile: person.Profile{Name: c.Name, Email: c.Email}, Known: person.Profile{Name: row.Name, Email: row.Email}})
	return out.Position, err
}

// enroll brings the person's roles in line with their groups.
func (a *API) enroll(ctx context.Context, id, organizationID string, s organization.State, c signon.Claims) (uint64, error) {
	out, err := a.Organizations.Handle(ctx, organizationID, organization.SyncClaims{PersonID: id, Groups: c.Groups})
	if err != nil {
		return 0, err
	}
	if organizationID != organization.ProviderID || a.FirstAdministrator == "" || c.Email != a.FirstAdministrator || s.Administered {
		return out.Position, nil
	}
	first, err := a.Organizations.Handle(ctx, organizationID, organization.AppointFirstAdministrator{PersonID: id})
	if errors.Is(err, organization.ErrAdministered) {
		err = nil
	}
	return max(out.Position, first.Position), err
}

// stands waits until the fold has reached what was decided, and answers its position if the person is live there.
func (a *API) stands(ctx context.Context, id string, at uint64) (uint64, error) {
	waiting, cancel := context.WithTimeout(ctx, foldPatience)
	defer cancel()
	if err := a.Fold.WaitFor(waiting, at); err != nil {
		return 0, fmt.Errorf("%w: %w", eventlog.ErrBehind, err)
	}
	// Taken before the question: an ending in between is then one the session has not seen.
	seen := a.Fold.Position()
	err := a.Fold.Live(lineage.Ref{Kind: "person", ID: id}, a.Clock())
	if dead, ok := lineage.Why(err); ok && dead.By.Kind == "organization" {
		return 0, errNotOpen
	}
	if err != nil {
		return 0, person.ErrLocked
	}
	return seen, nil
}
