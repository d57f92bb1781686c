// Package token is one access token that was revoked before its time; a token nobody revoked has no record here.
//
// Rules:
//  1. A token is revoked once, RFC 7009 §2.2; repeating it says nothing new.
package token

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// State is one token.
type State struct {
	Revoked      bool
	Organization string
}

// OrganizationID is the organisation the token was issued to; empty before this fact tells it.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	if e, ok := e.(*issuancev1.TokenRevoked); ok {
		s.Revoked, s.Organization = true, e.OrganizationId
	}
	return s
}

// Revoke ends the token.
type Revoke struct {
	CredentialID, OrganizationID string
	ExpiresAt                    time.Time
}

// Decide follows rule 1.
func (c Revoke) Decide(s State) ([]aggregate.Event, error) {
	if s.Revoked {
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.TokenRevoked{
		CredentialId: c.CredentialID, OrganizationId: c.OrganizationID, ExpiresAt: timestamppb.New(c.ExpiresAt),
	}}, nil
}
