// Package consent is one person's leave for one client to act for them, and the family of refresh tokens that came of it.
//
// Rules:
//  1. A consent is given once. Whoever redeems its code again ends it, since one of the two is a thief (RFC 6749 §4.1.2).
//  2. Of its refresh tokens only the newest works, and once: one that was replaced ends the whole family (D3, RFC 9700 §4.14.2).
//  3. A family bound to a key refreshes for that key alone (RFC 9449 §5).
//  4. It ends at its expiry, which refreshing never moves, and never comes back.
package consent

import (
	"bytes"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// MaxLife is the longest a consent for a product of a class may last.
func MaxLife(class string) time.Duration {
	switch class {
	case "public":
		return 90 * 24 * time.Hour
	case "partner":
		return 30 * 24 * time.Hour
	}
	return 24 * time.Hour
}

// State is one consent; its zero value was never given.
type State struct {
	Given     bool
	Ended     bool
	EndReason string

	PersonID, CredentialID, OwnClient      string
	ApplicationID, Organization, ProductID string
	Scopes                                 []string
	ExpiresAt                              time.Time
	KeyThumbprint                          string
	// Number is that of the newest refresh token, from 1; 0 if there is none.
	Number      uint32
	Fingerprint []byte
}

// Refusals.
var (
	ErrUnknown  = errors.New("no such consent")
	ErrEnded    = errors.New("the consent has ended; ask the person again")
	ErrNoScopes = errors.New("a consent is for at least one scope")
	ErrTooLong  = errors.New("the consent lasts longer than the class allows, or not at all")
	ErrToken    = errors.New("the refresh token is not one of this consent")
	ErrKey      = errors.New("the refresh token is bound to another key")
	ErrNotDue   = errors.New("the consent has not expired yet")
)

// OrganizationID is the organisation whose application acts.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *issuancev1.ConsentGiven:
		s.Given = true
		s.PersonID, s.CredentialID, s.OwnClient = e.PersonId, e.GetCredentialId(), e.OwnClient
		s.ApplicationID, s.Organization, s.ProductID = e.ApplicationId, e.OrganizationId, e.ProductId
		s.Scopes, s.ExpiresAt, s.KeyThumbprint, s.Fingerprint = e.Scopes, e.ExpiresAt.AsTime(), e.KeyThumbprint, e.Fingerprint
		if len(e.Fingerprint) > 0 {
			s.Number = 1
		}
	case *issuancev1.ConsentRefreshed:
		s.Number, s.Fingerprint = e.Number, e.Fingerprint
	case *issuancev1.ConsentReuseDetected:
		s.Ended, s.EndReason = true, "reuse_detected"
	case *issuancev1.ConsentRevoked:
		s.Ended, s.EndReason = true, e.Reason
	case *issuancev1.ConsentExpired:
		s.Ended, s.EndReason = true, "expired"
	}
	return s
}

// Newest says whether a fingerprint is that of the refresh token which works now.
func (s State) Newest(fingerprint []byte) bool {
	return s.Number > 0 && bytes.Equal(s.Fingerprint, fingerprint)
}
