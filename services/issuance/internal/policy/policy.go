// Package policy is what issuance does by itself when something happened elsewhere.
package policy

import (
	"context"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/projection"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/authorization"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/signalstream"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// Deps is what the policies act through.
type Deps struct {
	// FinishLeak brings a leak report to its end.
	FinishLeak     func(ctx context.Context, reportID string) error
	Rows           view.Rows
	Authorizations eventlog.Repository[authorization.State]
	Credentials    eventlog.Repository[credential.State]
	Consents       eventlog.Repository[consent.State]
	Streams        eventlog.Repository[signalstream.State]
	// Live says why a credential is dead, or nil: only what its cause ended is recorded as ended.
	Live func(credentialID string, now time.Time) error
	// LiveConsent says the same of a consent.
	LiveConsent func(consentID string, now time.Time) error
	Now         func() time.Time
	// Made lists what descends from what was made in a person's sessions.
	Made func(personID string, now time.Time) []lineage.Member
	// TurnOver makes a new signing key when the one that signs has done its turn.
	TurnOver func(context.Context) error
	// TurnOverAuthority makes a new certificate authority when the one that signs has done its turn.
	TurnOverAuthority func(context.Context) error
	// Observed returns once every use reported so far is in the views.
	Observed func(context.Context) error
}

// All are the reactions of issuance.
func All(d Deps) []projection.Policy {
	return []projection.Policy{
		{Name: "authorizations_follow_grants", On: d.followGrant},
		{Name: "credentials_follow_endings", On: d.recordEndings},
		{Name: "consents_follow_endings", On: d.recordConsents},
		{Name: "secrets_follow_classes", On: d.shorten},
	}
}

func (d Deps) followGrant(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	id := r.Envelope.GetSubject().GetId()
	var cmd aggregate.Command[authorization.State]
	switch e := fact.(type) {
	case *approvalv1.GrantActivated:
		cmd = authorization.Open{Fact: &issuancev1.AuthorizationOpened{
			GrantId: id, RequestId: e.RequestId, ApplicationId: e.ApplicationId, OrganizationId: e.OrganizationId,
			ProductId: e.ProductId, Scopes: e.Scopes, Environment: e.Environment, Class: e.Class, Until: e.Until,
		}}
	case *approvalv1.GrantNarrowed:
		cmd = authorization.Narrow{Scopes: e.Scopes}
	case *approvalv1.GrantRestored:
		cmd = authorization.Widen{Scopes: e.Scopes}
	case *approvalv1.GrantRevoked:
		cmd = authorization.Close{Reason: "grant_revoked"}
	case *approvalv1.GrantExpired:
		cmd = authorization.Close{Reason: "grant_expired"}
	default:
		return nil
	}
	_, err := d.Authorizations.Handle(ctx, id, cmd)
	if errors.Is(err, authorization.ErrNotOpen) || errors.Is(err, authorization.ErrNotNarrower) {
		return nil // a grant from before issuance kept notes has nothing to follow
	}
	return err
}

// recordEndings says of each credential that the fact ended that it is over. Authorizers deny it from the fact itself on.
func (d Deps) recordEndings(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	id := r.Envelope.GetSubject().GetId()
	var of view.Filter
	var reason string
	switch fact.(type) {
	case *issuancev1.SigningKeyCompromised: // another one signs from here on
		return d.TurnOver(ctx)
	case *issuancev1.CertificateAuthorityCompromised:
		return d.TurnOverAuthority(ctx)
	case *identityv1.PersonSessionsCompromised:
		return d.endWhatWasMade(ctx, id)
	case *issuancev1.CredentialIssued: // by a decision that had not seen what ended meanwhile
		if dead := d.ended(id); dead != nil && dead.Position < r.Sequence { // what ended since is answered in its turn
			_, err := d.Credentials.Handle(ctx, id, credential.Revoke{Reason: dead.By.Kind + "_ended"})
			return err
		}
		return nil
	case *approvalv1.GrantRevoked, *approvalv1.GrantExpired:
		of, reason = view.Filter{GrantID: id}, "grant_ended"
	case *registryv1.ApplicationDisabled, *registryv1.ApplicationOffboarded:
		of, reason = view.Filter{ApplicationID: id}, "application_ended"
	case *identityv1.OrganizationClosed:
		of, reason = view.Filter{OrganizationID: id}, "organization_ended"
	default:
		return nil
	}
	ids, err := d.Rows.Under(ctx, of)
	if err != nil {
		return err
	}
	for _, credentialID := range ids {
		if d.ended(credentialID) == nil {
			continue
		}
		if _, err := d.Credentials.Handle(ctx, credentialID, credential.Revoke{Reason: reason}); err != nil {
			return err
		}
	}
	return nil
}

// ended says what ended a credential; nil while it lives, is paused or waits for its expiry.
func (d Deps) ended(credentialID string) *lineage.Dead {
	if dead, ok := lineage.Why(d.Live(credentialID, d.Now())); ok && dead.Cause == lineage.Ended {
		return dead
	}
	return nil
}
