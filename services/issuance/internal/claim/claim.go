// Package claim is one public key or imported secret, and the one generation of a credential it may ever belong to.
//
// Rules:
//  1. Who claims first has it for ever, also when the credential was never issued or has long ended (D4).
//  2. Claiming again for the same generation says nothing new.
package claim

import (
	"encoding/hex"
	"errors"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// ErrTaken says that the key belongs to another credential or generation, of whoever.
var ErrTaken = errors.New("the key was registered before; make a new one")

// ID names the claim of a digest: SHA-256 of a SubjectPublicKeyInfo, or the fingerprint of an imported secret.
func ID(digest []byte) string { return hex.EncodeToString(digest) }

// State is one key's owner; its zero value is a key nobody claimed.
type State struct {
	CredentialID, Organization string
	Generation                 uint32
}

// OrganizationID is the organisation whose credential has the key.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	if e, ok := e.(*issuancev1.KeyClaimed); ok {
		s.CredentialID, s.Generation, s.Organization = e.CredentialId, e.Generation, e.OrganizationId
	}
	return s
}

// Claim takes the key for one generation of a credential.
type Claim struct {
	CredentialID, Organization string
	Generation                 uint32
}

// Decide follows rules 1 and 2.
func (c Claim) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case s.CredentialID == "":
		return []aggregate.Event{&issuancev1.KeyClaimed{CredentialId: c.CredentialID, Generation: c.Generation, OrganizationId: c.Organization}}, nil
	case s.CredentialID != c.CredentialID, s.Generation != c.Generation:
		return nil, ErrTaken
	}
	return nil, nil
}
