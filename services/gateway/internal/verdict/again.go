package verdict

import (
	"time"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
)

// Recalled is a call of a known credential as it is recalled later: without its secret and its path.
type Recalled struct {
	Credential  string
	Generation  uint32
	At          time.Time
	Environment string
	// Operation is nil if the call was for none, or was not looked at.
	Operation *contract.Operation
	// Token is nil for a call that showed a secret.
	Token *RecalledToken
}

// RecalledToken is what its liveness rests on and the scopes it had.
type RecalledToken struct {
	Claim  lineage.Claim
	Scopes func(of []string) []string
}

// Again judges what is recalled as the log alone decides it: what was wrong with the request itself, it cannot tell. The
// verdict's reason is empty if nothing in the log spoke against the call.
func Again(f *fold.Fold, r *Recalled, v *Verdict) {
	a := &Authorizer{Fold: f}
	*v = Verdict{Position: f.Lineage().Position(), At: r.At, Environment: r.Environment, Bundle: f.Table(), Operation: r.Operation}
	if !f.Known(r.Credential, &v.Credential) {
		v.Reason = Unknown
		return
	}
	v.Credential.Generation, v.Scopes = r.Generation, v.Credential.Scopes
	var err error
	if r.Token != nil {
		v.Scopes = r.Token.Scopes(v.Credential.Scopes)
		err = f.Lineage().LiveClaim(r.Token.Claim, r.At)
	} else {
		err = f.Lineage().Live(lineage.Part("generation", r.Credential, r.Generation), r.At)
	}
	if err != nil {
		v.Reason = why(err, &v.Credential)
		return
	}
	if a.owned(v); v.Reason != "" {
		return
	}
	switch {
	case v.Credential.Environment == "" || v.Credential.Environment != r.Environment:
		v.Reason = EnvironmentMismatch
	case r.Operation == nil:
	case r.Operation.ProductID != v.Credential.Product:
		v.Reason = ProductMismatch
	case !v.Credential.Shown:
		v.Reason = ProductWithdrawn
	default:
		a.scoped(v)
	}
}

// FromRequest says that a reason lies in the request or in what was counted, and not in what the log holds of who called.
func (r Reason) FromRequest() bool {
	switch r {
	case Malformed, Missing, Stale, NoOperation, ProofMissing, ProofRefused, ProofReplayed, NonceNeeded, AudienceMismatch, NotRolledOut, QuotaExceeded:
		return true
	}
	return false
}
