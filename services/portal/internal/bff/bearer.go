package bff

import (
	"errors"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/dpop"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/portal/internal/bearer"
)

var errBearer = problem.New(problem.Unauthenticated, "unauthenticated", "The token is not good here any more. Sign in again: chancery login.")

// borne passes a call of the command line on with its person; false where the request is not one.
func (b *BFF) borne(w http.ResponseWriter, r *http.Request, service string, p passage) bool {
	if b.Tokens == nil {
		return false
	}
	c, err := b.Tokens.Read(r)
	switch {
	case errors.Is(err, bearer.ErrNone):
		return false
	case errors.Is(err, dpop.ErrNonce):
		// RFC 9449 §9
		b.refuse(w, r, errBearer.Header("WWW-Authenticate", `DPoP error="use_dpop_nonce"`).Header("DPoP-Nonce", b.Tokens.Proofs.Nonce()))
		return true
	}
	if err == nil {
		if err = b.waitFor(r.Context(), c.Seen); err == nil {
			err = b.Fold.LiveClaim(acted(c), b.Clock())
		}
	}
	if _, dead := lineage.Why(err); dead || errors.Is(err, bearer.ErrToken) {
		err = errBearer.Header("WWW-Authenticate", `DPoP error="invalid_token"`).Because(err)
	}
	if err == nil {
		p.token, err = b.Signer.Sign(b.behind(c), service)
	}
	if err != nil {
		b.refuse(w, r, err)
		return true
	}
	w.Header().Set("DPoP-Nonce", b.Tokens.Proofs.Nonce())
	b.pass(w, r, service, p)
	return true
}

// acted is what the token rests on: its consent and its key, and as a session would, the person's sessions not having been ended.
func acted(c accesstoken.Claims) lineage.Claim {
	claim := c.Descent()
	claim.From = append(claim.From, lineage.Claim{Ref: lineage.Ref{Kind: "session", ID: c.Consent}, Seen: c.Seen, Expires: claim.Expires,
		Ancestors: []lineage.Ref{{Kind: "person", ID: c.Subject}}})
	return claim
}

// behind vouches for the person of a token, with the roles they hold now; the consent is the session they act in.
func (b *BFF) behind(c accesstoken.Claims) principal.Principal {
	seen := b.Fold.Position()
	p := principal.Principal{
		ID: c.Subject, Kind: principal.Person, Organization: c.Organization, Roles: b.Roster.Of(c.Organization, c.Subject),
		Session: c.Consent, SessionSeen: c.Seen, ACR: c.ACR, AMR: c.AMR, Seen: seen, Expires: c.Expires.Time(),
	}
	if c.AuthTime != nil {
		p.AuthTime = c.AuthTime.Time().Truncate(time.Second)
	}
	return p
}
