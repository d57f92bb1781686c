package policy

import (
	"context"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
)

// recordConsents says of each consent that the fact ended that it is over (A17, D3); nobody acts under it from the fact on.
func (d Deps) recordConsents(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	id := r.Envelope.GetSubject().GetId()
	var person, credential, reason string
	switch fact.(type) {
	case *identityv1.PersonSessionsEnded, *identityv1.PersonLocked: // the command line's consent is a session too
		ids, err := d.Rows.OwnConsents(ctx, id, r.Time)
		for _, id := range ids {
			if err == nil {
				_, err = d.Consents.Handle(ctx, id, consent.Revoke{Reason: "sessions_ended"})
			}
		}
		return err
	}
	switch fact.(type) {
	case *issuancev1.ConsentGiven: // by a decision that had not seen what ended meanwhile
		return d.recordConsent(ctx, id, "policy")
	case *identityv1.PersonDeprovisioned, *identityv1.PersonErased:
		person, reason = id, "person_left"
	case *identityv1.PersonSignedOutUpstream:
		person, reason = id, "signed_out_upstream"
	case *identityv1.PersonSessionsCompromised:
		person, reason = id, "session_compromised"
	case *issuancev1.CredentialRevoked, *issuancev1.CredentialExpired:
		credential, reason = id, "credential_ended"
	default:
		return nil
	}
	ids, err := d.Rows.OpenConsents(ctx, person, credential)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := d.recordConsent(ctx, id, reason); err != nil {
			return err
		}
	}
	return nil
}

func (d Deps) recordConsent(ctx context.Context, id, reason string) error {
	dead, ok := lineage.Why(d.LiveConsent(id, d.Now()))
	if !ok || dead.Cause != lineage.Ended {
		return nil
	}
	_, err := d.Consents.Handle(ctx, id, consent.Revoke{Reason: reason})
	return err
}
