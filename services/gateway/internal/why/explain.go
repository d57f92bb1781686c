package why

import (
	"context"

	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// Explain reaches a decision again and tells what it rested on; the chain is nil if no credential was recognised.
func Explain(ctx context.Context, r *Replay, read Read, d *decision.Decision) (Derived, *Chain, error) {
	derived, err := r.Derive(ctx, d)
	if err != nil || d.Credential == "" {
		return derived, nil, err
	}
	c, err := chain(ctx, read, d.Credential, derived.Position)
	return derived, &c, err
}

// Owners are who answers for an application now.
func Owners(ctx context.Context, read Read, application string) ([]string, error) {
	c := Chain{}
	err := reader{read, ^uint64(0), &c}.each(ctx, "registry", "application", application, c.owners)
	return []string{c.OwnerID, c.BackupOwnerID}, err
}

// Text is a reason in a sentence for whoever may read why.
func Text(r verdict.Reason) string {
	if text, ok := texts[r]; ok {
		return text
	}
	return "The call was refused: " + string(r) + "."
}

var texts = map[verdict.Reason]string{
	"":                          "The call was admitted: credential, grant, application and product allowed it.",
	verdict.Malformed:           "The request carried no credential in a form that can be read, or more than one.",
	verdict.Missing:             "The request carried no credential.",
	verdict.Unknown:             "The credential is not one that was ever issued here, or not as it was presented.",
	verdict.Expired:             "The credential, its generation or the token had reached its end.",
	verdict.Revoked:             "The credential or the token had been revoked.",
	verdict.Retired:             "The secret had been replaced by a newer one and retired.",
	verdict.Suspended:           "Something the credential rests on was suspended.",
	verdict.GrantEnded:          "The grant had ended.",
	verdict.ApplicationEnded:    "The application had been disabled or offboarded.",
	verdict.OrganizationEnded:   "The organisation had been closed.",
	verdict.KeyCompromised:      "The key that signed the token was known to be compromised.",
	verdict.Ownerless:           "Nobody answered for the application any more.",
	verdict.Unreadable:          "A newer program wrote a fact about this credential that the authorizer could not read.",
	verdict.Stale:               "The authorizer could not be certain that it knew the newest facts.",
	verdict.NoOperation:         "The path and method are no operation of a published contract.",
	verdict.ProductMismatch:     "The operation is of another product than the credential is for.",
	verdict.ProductWithdrawn:    "The product was not published.",
	verdict.EnvironmentMismatch: "The credential is for another environment.",
	verdict.ScopeMissing:        "A scope that the operation needs is not among those of the credential, the token or the grant.",
	verdict.ProofMissing:        "The token is bound to a key or certificate, and no proof of possession came with it.",
	verdict.ProofRefused:        "The proof of possession was not good for this request.",
	verdict.ProofReplayed:       "The proof of possession had been used before.",
	verdict.NonceNeeded:         "The proof of possession needed a nonce of this authorizer.",
	verdict.AudienceMismatch:    "The token is for another product or address.",
	verdict.NotRolledOut:        "The operation is not yet open to this organisation.",
	verdict.QuotaExceeded:       "The consumer had used up a limit of the product.",
}
