package accesstoken

import (
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/chancery-dev/chancery/libs/lineage"
)

// MaxChain is how many tokens may stand before one.
const MaxChain = 4

// Confirmation is what the bearer proves possession of, RFC 7800 §3.
type Confirmation struct {
	// JKT is the thumbprint of a DPoP key, RFC 9449 §6.1.
	JKT string `json:"jkt,omitempty"`
	// X5T is the SHA-256 of a client certificate, base64url, RFC 8705 §3.1.
	X5T string `json:"x5t#S256,omitempty"`
}

// Actor is one party of a delegation and whoever it acts for next, RFC 8693 §4.1.
type Actor struct {
	Subject string `json:"sub"`
	Actor   *Actor `json:"act,omitempty"`
}

// Link is what the liveness of an earlier token of a chain rests on.
type Link struct {
	ID         string           `json:"jti"`
	Seen       uint64           `json:"seen"`
	Expires    *jwt.NumericDate `json:"exp"`
	ClientID   string           `json:"client_id"`
	Generation uint32           `json:"gen"`
	Consent    string           `json:"cst,omitempty"`
	KeyID      string           `json:"kid"`
}

// Link is the token as a link of the chain of one that is exchanged for it.
func (c Claims) Link() Link {
	return Link{c.ID, c.Seen, c.Expires, c.ClientID, c.Generation, c.Consent, c.KeyID}
}

// Descent is what the liveness of the token rests on: its own generation, consent and signing key, and those of every
// token it was exchanged from.
func (c Claims) Descent() lineage.Claim {
	claim := c.Link().claim()
	for _, l := range c.Chain {
		claim.From = append(claim.From, l.claim())
	}
	return claim
}

func (l Link) claim() lineage.Claim {
	claim := lineage.Claim{
		Ref: lineage.Ref{Kind: "token", ID: l.ID}, Seen: l.Seen,
		Ancestors: []lineage.Ref{{Kind: "signing_key", ID: l.KeyID}},
	}
	if l.Generation != 0 || l.Consent == "" { // a client of the suite itself has no secret, only a person's consent
		claim.Ancestors = append(claim.Ancestors, lineage.Part("generation", l.ClientID, l.Generation))
	}
	if l.Expires != nil { // a claim without an end is never live
		claim.Expires = l.Expires.Time()
	}
	if l.Consent != "" {
		claim.Ancestors = append(claim.Ancestors, lineage.Ref{Kind: "consent", ID: l.Consent})
	}
	return claim
}
