// Package signingkey is one key with which access tokens are signed.
//
// Rules:
//  1. A key is created before it is activated, and signs only while active.
//  2. A retired key signs nothing more; what it signed stays good.
//  3. A compromised key is over, whatever it was before, and stays so.
package signingkey

import (
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// State is one key; its zero value is a key nobody created.
type State struct {
	Created, Active, Retired, Compromised bool
	Algorithm                             string
	JWK                                   []byte
	NotAfter                              time.Time
}

// Refusals.
var (
	ErrUnknown = errors.New("no such signing key")
	ErrOver    = errors.New("the signing key is over and cannot sign again")
)

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *issuancev1.SigningKeyCreated:
		s.Created, s.Algorithm, s.JWK, s.NotAfter = true, e.Algorithm, e.Jwk, e.NotAfter.AsTime()
	case *issuancev1.SigningKeyActivated:
		s.Active = true
	case *issuancev1.SigningKeyRetired:
		s.Active, s.Retired = false, true
	case *issuancev1.SigningKeyCompromised:
		s.Active, s.Compromised = false, true
	}
	return s
}

// Create publishes the public half of a new key.
type Create struct {
	KeyID, Algorithm string
	JWK              []byte
	NotAfter         time.Time
}

// Decide follows rule 1.
func (c Create) Decide(s State) ([]aggregate.Event, error) {
	if s.Created {
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.SigningKeyCreated{
		KeyId: c.KeyID, Jwk: c.JWK, Algorithm: c.Algorithm, NotAfter: timestamppb.New(c.NotAfter),
	}}, nil
}
