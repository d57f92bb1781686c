// Package application is one application of a partner organisation and the two people accountable for it.
//
// Rules:
//  1. An application is registered once, and nothing else happens to it before that (B1).
//  2. It has a named owner and a named backup owner: two different people of its own organisation (B2, L12).
//  3. A seat is only ever handed over: nobody leaves one empty by a command, and no one holds both.
//  4. When a person leaves, every seat they hold is orphaned, once; naming a successor ends that, and without one in
//     time the application is suspended (B3, L12).
//  5. It runs in one environment, sandbox or production, for good.
//  6. Suspending is lifted by resuming, disabling by enabling; the two do not lift each other, and what the provider
//     imposed its organisation cannot lift.
//  7. Offboarding is final.
package application

import (
	"errors"
	"maps"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// The two seats of an application.
const (
	Owner       = "owner"
	BackupOwner = "backup_owner"
)

// Person is somebody who shall hold a seat, as the registry knows them when it decides.
type Person struct {
	ID             string
	OrganizationID string
	// Here is false for somebody unknown, locked out for good or gone.
	Here bool
}

// State is one application; its zero value is one that nobody registered.
type State struct {
	Registered   bool
	Organization string
	Name         string
	Environment  string
	Purpose      string
	// Holders names the person in each seat; an orphaned seat keeps the name of who left.
	Holders map[string]string
	// Orphaned holds the seats whose holder left, and until when a successor is to be named.
	Orphaned                        map[string]time.Time
	Suspended, Disabled, Offboarded bool
	// SuspensionImposed and DisablingImposed say that the provider did it.
	SuspensionImposed, DisablingImposed bool
}

// Refusals.
var (
	ErrUnknown           = errors.New("no such application")
	ErrAlreadyRegistered = errors.New("the application is registered already")
	ErrName              = errors.New("an application needs a name of at most 100 characters")
	ErrPurpose           = errors.New("say what the application is for, in at most 2,000 characters")
	ErrEnvironment       = errors.New("the environment is sandbox or production")
	ErrOrganization      = errors.New("an application belongs to a partner organisation that is here")
	ErrTwoOwners         = errors.New("an application needs two different owners")
	ErrNotOfOrganization = errors.New("an owner is a person of the application's own organisation who is still here")
	ErrSeat              = errors.New("the seat is owner or backup_owner")
	ErrSuspended         = errors.New("the application is suspended already")
	ErrNotSuspended      = errors.New("the application is not suspended")
	ErrDisabled          = errors.New("the application is disabled already")
	ErrNotDisabled       = errors.New("the application is not disabled")
	ErrOrphaned          = errors.New("the application has lost an owner; name a successor first")
	ErrImposed           = errors.New("the provider did this, and only the provider lifts it")
	ErrOffboarded        = errors.New("the application was offboarded, and that is final")
	ErrReason            = errors.New("say why, in at most 500 characters")
)

// OrganizationID is the organisation whose application it is.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *registryv1.ApplicationRegistered:
		s.Registered = true
		s.Organization, s.Name, s.Environment, s.Purpose = e.OrganizationId, e.Name, e.Environment, e.Purpose
		s.Holders = map[string]string{Owner: e.OwnerId, BackupOwner: e.BackupOwnerId}
	case *registryv1.ApplicationOwnerAssigned:
		s.Holders = with(s.Holders, e.Seat, e.PersonId)
		s.Orphaned = without(s.Orphaned, e.Seat)
	case *registryv1.ApplicationOrphaned:
		s.Orphaned = with(s.Orphaned, e.Seat, e.TransferBefore.AsTime())
	case *registryv1.ApplicationSuspended:
		s.Suspended, s.SuspensionImposed = true, e.Imposed
	case *registryv1.ApplicationResumed:
		s.Suspended, s.SuspensionImposed = false, false
	case *registryv1.ApplicationDisabled:
		s.Disabled, s.DisablingImposed = true, e.Imposed
	case *registryv1.ApplicationEnabled:
		s.Disabled, s.DisablingImposed = false, false
	case *registryv1.ApplicationOffboarded:
		s.Offboarded = true
	}
	return s
}

// Accountable lists the people who answer for the application now: those in seats that are not orphaned.
func (s State) Accountable() []string {
	var ids []string
	for _, seat := range []string{Owner, BackupOwner} {
		if id := s.Holders[seat]; id != "" && !s.orphaned(seat) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (s State) orphaned(seat string) bool {
	_, lost := s.Orphaned[seat]
	return lost
}

// alive refuses what can only happen to a registered application that was not offboarded.
func (s State) alive() error {
	switch {
	case !s.Registered:
		return ErrUnknown
	case s.Offboarded:
		return ErrOffboarded
	}
	return nil
}

func reason(text string) error {
	if n := len([]rune(text)); n == 0 || n > 500 {
		return ErrReason
	}
	return nil
}

// with and without change a copy, so that a state folded earlier stays what it was.
func with[V any](m map[string]V, key string, v V) map[string]V {
	c := make(map[string]V, len(m)+1)
	maps.Copy(c, m)
	c[key] = v
	return c
}

func without[V any](m map[string]V, key string) map[string]V {
	c := maps.Clone(m)
	delete(c, key)
	return c
}
