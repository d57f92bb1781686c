// Package person is one person of an organisation: known or not, allowed to sign in or not, and which sessions are over.
//
// Rules:
//  1. A person is provisioned into one organisation and never moves to another.
//  2. A lock bars sign-in and ends every session; unlocking gives back no session.
//  3. Who has been deprovisioned does not return by signing in, only by a new provisioning from the organisation (A5).
//  4. Whose values were erased never returns; erasing somebody who has not left says first that they left (X7).
//  5. A session is ended once, alone or with all the others; ending says why.
//  6. A leaver has nothing to lock, unlock or end.
//
// No decision reads a name or an address: they are sealed in the log and a state never holds them.
package person

import (
	"errors"
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Where a person came from.
const (
	SignIn = "sign_in"
	SCIM   = "scim"
	Seed   = "seed"
)

// remembered is how many single endings a state keeps, so that a repeated one says nothing.
const remembered = 64

// State is one person; its zero value is somebody nobody provisioned.
type State struct {
	ID, Organization, Issuer          string
	Provisioned, Locked, Gone, Erased bool
	EndedSessions                     []string // the newest single endings
	AllSessionsEnded                  int      // how often
	Compromised                       int      // how often
	Changes                           int      // of the profile
}

// Refusals.
var (
	ErrUnknown     = errors.New("not_found: no such person")
	ErrProvisioned = errors.New("person_provisioned: the person is known already")
	ErrIncomplete  = errors.New("person_incomplete: a person has an organisation, a name, an address, an issuer and a subject")
	ErrMoves       = errors.New("person_moves: a person stays with one organisation")
	ErrGone        = errors.New("person_deprovisioned: the person has left")
	ErrErased      = errors.New("person_erased: the personal values of this person were erased")
	ErrLocked      = errors.New("person_locked: the person is locked")
	ErrReason      = errors.New("reason_missing: a reason is needed")
	ErrSession     = errors.New("session_missing: a session is needed")
)

// OrganizationID is the organisation the person belongs to.
func (s State) OrganizationID() string { return s.Organization }

// PersonID is the person whose key seals the profile.
func (s State) PersonID() string { return s.ID }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *identityv1.PersonProvisioned:
		s.Provisioned, s.Gone, s.Locked = true, false, false
		s.ID, s.Organization, s.Issuer = e.PersonId, e.OrganizationId, e.Issuer
	case *identityv1.PersonChanged:
		s.Changes++
	case *identityv1.PersonLocked:
		s.Locked = true
	case *identityv1.PersonUnlocked:
		s.Locked = false
	case *identityv1.PersonSessionEnded:
		ended := append(slices.Clone(s.EndedSessions), e.SessionId)
		s.EndedSessions = ended[max(0, len(ended)-remembered):]
	case *identityv1.PersonSessionsEnded:
		s.AllSessionsEnded++
	case *identityv1.PersonSignedOutUpstream:
		s.AllSessionsEnded++
	case *identityv1.PersonSessionsCompromised:
		s.Compromised++
	case *identityv1.PersonDeprovisioned:
		s.Gone = true
	case *identityv1.PersonErased:
		s.Gone, s.Erased = true, true
	}
	return s
}

// MaySignIn refuses whoever is barred now.
func (s State) MaySignIn() error {
	if err := s.present(); err != nil {
		return err
	}
	if s.Locked {
		return ErrLocked
	}
	return nil
}

// present refuses whoever is unknown or has left.
func (s State) present() error {
	switch {
	case !s.Provisioned:
		return ErrUnknown
	case s.Erased:
		return ErrErased
	case s.Gone:
		return ErrGone
	}
	return nil
}
