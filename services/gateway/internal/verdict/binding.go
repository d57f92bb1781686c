package verdict

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/dpop"
)

// bound demands what a token is bound to: a proof made with its DPoP key for this very request (RFC 9449 §7.1), the
// certificate it names (RFC 8705 §3). A token that is bound to nothing may be carried by anybody, but not as if it were.
func (a *Authorizer) bound(r *Request, p *presented, c *accesstoken.Claims) Reason {
	if c.Confirmation == nil && p.by == byBearer {
		return ""
	}
	// A proof passes once, and a call may be judged more than once.
	if !p.checked {
		p.checked, p.bound = true, a.possession(r, p, c)
	}
	return p.bound
}

func (a *Authorizer) possession(r *Request, p *presented, c *accesstoken.Claims) Reason {
	key, certificate := "", ""
	if c.Confirmation != nil {
		key, certificate = c.Confirmation.JKT, c.Confirmation.X5T
		if key == "" && certificate == "" {
			return ProofRefused // bound to something that is not known here
		}
	}
	if (key != "") != (p.by == byProof) {
		return ProofMissing
	}
	if certificate != "" {
		if r.Certificate.None() {
			return ProofMissing
		}
		sum, err := r.Certificate.Sum()
		if err != nil || subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(certificate)) != 1 {
			return ProofRefused
		}
	}
	if key == "" {
		return ""
	}
	if a.Proofs == nil {
		return ProofRefused
	}
	path, _, _ := strings.Cut(r.Target, "?")
	got, err := a.Proofs.Verify(r.Proof, r.Method, r.Scheme+"://"+r.Host+path, p.text)
	switch {
	case errors.Is(err, dpop.ErrMissing):
		return ProofMissing
	case errors.Is(err, dpop.ErrNonce):
		return NonceNeeded
	case errors.Is(err, dpop.ErrReplayed):
		return ProofReplayed
	case err != nil || subtle.ConstantTimeCompare([]byte(got), []byte(key)) != 1:
		return ProofRefused
	}
	return ""
}

// audience says whether a token is for what is called: the product by its name, or by the address at which it is served
// (RFC 8707 §2).
func audience(v *Verdict, r *Request) bool {
	if slices.Contains(v.Claims.Audience, accesstoken.AudienceOf(v.Operation.ProductID)) {
		return true
	}
	address := r.Scheme + "://" + r.Host + v.Operation.Base
	return r.Host != "" && slices.ContainsFunc(v.Claims.Audience, func(a string) bool { return strings.TrimRight(a, "/") == address })
}
