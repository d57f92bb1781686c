// Package upstream is what a service behind an API gateway is told of a call that the authorizer let pass, and how it checks
// that the authorizer said it: one signed context in one header.
package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/jws"
)

const (
	// Header carries the context. Gateways take away whatever a client sends under this name.
	Header = "Chancery-Context"
	// Type is the media type in the header of the signature: no access token and no other signature passes for a context.
	Type = "chancery-context+jwt"
	// Issuer is who signs: any authorizer.
	Issuer = "urn:chancery:authorizer"
	// Life is the longest a context is good for, Skew how far clocks may differ.
	Life = time.Minute
	Skew = 5 * time.Second

	maxContext = 16 << 10
)

// Context says who calls, for whom, and what the call may do.
type Context struct {
	Issuer string `json:"iss"`
	// Subject is the person for whom the client acts, or the client itself.
	Subject string `json:"sub"`
	// Audience is the product that is called.
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	// Decision is the id of the verdict for which the context was made. The same caller's next calls may be told of with the
	// same context; the id of each one's own verdict stands in the header Chancery-Decision.
	Decision     string `json:"jti"`
	Client       string `json:"client_id"`
	Application  string `json:"app"`
	Organization string `json:"org"`
	Environment  string `json:"env"`
	Scope        string `json:"scope"`
	// Actor is who acts for the subject, RFC 8693 §4.1; nil if the client acts for itself.
	Actor *accesstoken.Actor `json:"act,omitempty"`
}

// Scopes is the scope claim taken apart.
func (c Context) Scopes() []string { return strings.Fields(c.Scope) }

// Has says whether every one of the scopes is there.
func (c Context) Has(scopes ...string) bool {
	have := c.Scopes()
	return !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(have, s) })
}

// ErrContext is every reason for which a context is not accepted; its text says why, for the log.
var ErrContext = errors.New("upstream: the context is not good")

// Verifier accepts contexts made for one product.
type Verifier struct {
	// Audience is the product: "urn:chancery:product:" and its id.
	Audience string
	// Key is the authorizer's key of a name.
	Key func(r *http.Request, keyID string) (jws.Key, error)
	Now func() time.Time
}

// Verify reads the one context of a call.
func (v Verifier) Verify(r *http.Request) (Context, error) {
	c, err := v.verify(r)
	if err != nil {
		return Context{}, fmt.Errorf("%w: %w", ErrContext, err)
	}
	return c, nil
}

func (v Verifier) verify(r *http.Request) (Context, error) {
	var c Context
	values := r.Header.Values(Header)
	if len(values) != 1 {
		return c, fmt.Errorf("%d of them", len(values))
	}
	m, err := jws.Parse(values[0], maxContext)
	if err != nil {
		return c, err
	}
	if m.Header.Type != Type || m.Header.Algorithm != "EdDSA" || len(m.Header.JWK) != 0 {
		return c, errors.New("it is something else")
	}
	key, err := v.Key(r, m.Header.KeyID)
	if err != nil {
		return c, err
	}
	if err := m.Verify(key, &c); err != nil {
		return c, err
	}
	now := v.Now()
	issued, expires := time.Unix(c.IssuedAt, 0), time.Unix(c.Expires, 0)
	switch {
	case c.Issuer != Issuer || c.Audience != v.Audience:
		return c, errors.New("made for another audience")
	case c.Subject == "" || c.Client == "" || c.Decision == "":
		return c, errors.New("a claim is missing")
	case !now.Before(expires.Add(Skew)) || issued.After(now.Add(Skew)):
		return c, errors.New("its time is over or not yet there")
	case expires.Sub(issued) > Life:
		return c, errors.New("it lives too long")
	}
	return c, nil
}
