package oauth

import (
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

// ownToken is what a token of the suite's own client says: it is for this issuer's own APIs, where the portal lets it act as
// the person may, and tells how surely the person was known when they allowed it (RFC 9068 §2.2.1).
type ownToken struct {
	organization string
	decision     underway.Decision
}

func (o *ownToken) mark(c *accesstoken.Claims) {
	if o == nil {
		return
	}
	c.Audience, c.Organization = jwt.Audience{c.Issuer}, o.organization
	c.ACR, c.AMR = o.decision.ACR, o.decision.AMR
	if at := o.decision.AuthTime; !at.IsZero() {
		c.AuthTime = jwt.NewNumericDate(at)
	}
}
