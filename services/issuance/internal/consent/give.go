package consent

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Give redeems the code that a person's decision led to.
type Give struct {
	PersonID string
	// Either the credential of an application, or a client of the suite itself.
	CredentialID, OwnClient                  string
	ApplicationID, OrganizationID, ProductID string
	Scopes                                   []string
	Now, ExpiresAt                           time.Time
	MaxLife                                  time.Duration
	// Fingerprint of the first refresh token; empty for none.
	Fingerprint   []byte
	KeyThumbprint string
	Flow          string
}

// Decide follows rules 1 and 4.
func (c Give) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case s.Ended:
		return nil, ErrEnded
	case s.Given:
		return []aggregate.Event{&issuancev1.ConsentReuseDetected{}}, nil
	case len(c.Scopes) == 0 && c.OwnClient == "":
		return nil, ErrNoScopes
	case !c.ExpiresAt.After(c.Now), c.ExpiresAt.Sub(c.Now) > c.MaxLife:
		return nil, ErrTooLong
	}
	given := &issuancev1.ConsentGiven{
		PersonId: c.PersonID, OwnClient: c.OwnClient, ApplicationId: c.ApplicationID, OrganizationId: c.OrganizationID, ProductId: c.ProductID,
		Scopes: c.Scopes, ExpiresAt: timestamppb.New(c.ExpiresAt), Fingerprint: c.Fingerprint, KeyThumbprint: c.KeyThumbprint, Flow: c.Flow,
	}
	if c.CredentialID != "" {
		given.CredentialId = &c.CredentialID
	}
	return []aggregate.Event{given}, nil
}
