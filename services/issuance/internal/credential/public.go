package credential

import (
	"errors"
	"regexp"
	"slices"
)

// ErrPublicClient says what a client without a secret is for.
var ErrPublicClient = errors.New("a public client acts for people alone (authorization_code or device_code) and its tokens are bound")

// privateUse is an address of an application of a person's own machine: a reversed domain as its scheme, and a path (RFC 8252 §7.1).
var privateUse = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/([A-Za-z0-9._~%!$&'()+,;=:@-][A-Za-z0-9._~%!$&'()+,;=:@/?-]*)?$`)

const deviceCode = "urn:ietf:params:oauth:grant-type:device_code"

func (c Client) public() bool {
	for _, g := range c.GrantTypes {
		if !slices.Contains([]string{"authorization_code", "refresh_token", deviceCode}, g) {
			return false
		}
	}
	return c.BoundTokens && (slices.Contains(c.GrantTypes, "authorization_code") || slices.Contains(c.GrantTypes, deviceCode))
}
