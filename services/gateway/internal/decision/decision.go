// Package decision makes of a verdict an id that describes itself: whoever holds the suite's key reads from it what was
// decided, by which authorizer, on which position of the log and under which contracts. To everybody else it says nothing.
package decision

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// Decision is what an id says.
type Decision struct {
	Authorizer string
	// Position of EVENTS that the verdict rested on; any up to Through, if facts kept arriving.
	Position, Through uint64
	// At is in milliseconds.
	At          time.Time
	Environment string
	// Held is how long before it was last known that no newer fact was missing, in milliseconds.
	Held   time.Duration
	Reason verdict.Reason
	// Bundle begins the digest of the contracts in force.
	Bundle [8]byte
	// Credential is empty if none was found.
	Credential string
	Generation uint32
	// Operation is zero if none was found or looked for.
	Operation contract.Name
	// Token is nil for an API key.
	Token *Token
	// Nonce is by chance: two calls alike have two ids, or who compares them would learn which credentials are known.
	Nonce [4]byte
}

// Token is what the liveness of an access token rested on.
type Token struct {
	ID      string
	Seen    uint64
	Expires time.Time
	// Key begins the digest of the signing key's id.
	Key     [4]byte
	Consent string
	// Scopes has a bit for each of the credential's, in order.
	Scopes uint64
	// Chain is every token it was exchanged from.
	Chain []Link
}

// Link is one token of a chain.
type Link struct {
	ID         string
	Seen       uint64
	Expires    time.Time
	Key        [4]byte
	Consent    string
	Credential string
	Generation uint32
}

// KeyOf is how a signing key is named in an id.
func KeyOf(keyID string) (short [4]byte) {
	sum := sha256.Sum256([]byte(keyID))
	copy(short[:], sum[:])
	return short
}

// nameBytes bounds an authorizer's name in an id.
const nameBytes = 24

func short(name string) string {
	if len(name) <= nameBytes {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:nameBytes-9] + "~" + hex.EncodeToString(sum[:4])
}

// Of is the decision that a verdict of an authorizer is.
func Of(authorizer string, v *verdict.Verdict) Decision {
	d := Decision{
		Authorizer: short(authorizer), Position: v.Position, Through: max(v.Position, v.Through), At: v.At.Truncate(time.Millisecond).UTC(),
		Environment: v.Environment, Held: v.Held.Truncate(time.Millisecond), Reason: v.Reason, Credential: v.Credential.ID(),
	}
	binary.NativeEndian.PutUint32(d.Nonce[:], rand.Uint32())
	if v.Bundle != nil {
		sum := v.Bundle.Digest()
		copy(d.Bundle[:], sum[:])
	}
	if d.Credential != "" {
		d.Generation = v.Credential.Generation
	}
	if v.Operation != nil {
		d.Operation = contract.NameOf(v.Operation)
	}
	if v.Claims != nil {
		d.Token = tokenOf(v.Claims, v)
	}
	return d
}

func tokenOf(c *accesstoken.Claims, v *verdict.Verdict) *Token {
	t := &Token{ID: c.ID, Seen: c.Seen, Key: KeyOf(c.KeyID), Consent: c.Consent}
	if c.Expires != nil {
		t.Expires = c.Expires.Time().UTC()
	}
	for i, scope := range v.Credential.Scopes {
		if i < 64 && slices.Contains(v.Scopes, scope) {
			t.Scopes |= 1 << i
		}
	}
	for _, l := range c.Chain {
		link := Link{ID: l.ID, Seen: l.Seen, Key: KeyOf(l.KeyID), Consent: l.Consent, Credential: l.ClientID, Generation: l.Generation}
		if l.Expires != nil {
			link.Expires = l.Expires.Time().UTC()
		}
		t.Chain = append(t.Chain, link)
	}
	return t
}

// Claim is what the liveness of the token rests on, given the ids of the signing keys that the log knows.
func (d Decision) Claim(key func([4]byte) string) lineage.Claim {
	t := d.Token
	one := func(l Link) lineage.Claim {
		c := lineage.Claim{Ref: lineage.Ref{Kind: "token", ID: l.ID}, Seen: l.Seen, Expires: l.Expires, Ancestors: []lineage.Ref{
			lineage.Part("generation", l.Credential, l.Generation), {Kind: "signing_key", ID: key(l.Key)}}}
		if l.Consent != "" {
			c.Ancestors = append(c.Ancestors, lineage.Ref{Kind: "consent", ID: l.Consent})
		}
		return c
	}
	c := one(Link{t.ID, t.Seen, t.Expires, t.Key, t.Consent, d.Credential, d.Generation})
	for _, l := range t.Chain {
		c.From = append(c.From, one(l))
	}
	return c
}
