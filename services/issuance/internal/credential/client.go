package credential

import (
	"net"
	"net/url"
	"slices"
	"strings"
)

// Client is how an OAuth client may be used, RFC 7591 §2. The zero value is client_credentials alone, with bearer tokens.
type Client struct {
	RedirectURIs []string
	GrantTypes   []string
	BoundTokens  bool
}

var grantTypes = []string{
	"client_credentials", "authorization_code", "refresh_token",
	"urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
}

// check refuses what no client of the kind can use, and every redirect URI that is not exact (D14, D16).
func (c Client) check(kind string) error {
	if kind == APIKey {
		if len(c.RedirectURIs)+len(c.GrantTypes) > 0 || c.BoundTokens {
			return ErrGrantTypes
		}
		return nil
	}
	for i, g := range c.GrantTypes {
		if !slices.Contains(grantTypes, g) || slices.Contains(c.GrantTypes[:i], g) {
			return ErrGrantTypes
		}
	}
	if kind == PublicClient && !c.public() {
		return ErrPublicClient
	}
	if slices.Contains(c.GrantTypes, "authorization_code") != (len(c.RedirectURIs) > 0) {
		return ErrGrantTypes
	}
	for _, uri := range c.RedirectURIs {
		if !Exact(uri) {
			return ErrRedirect
		}
	}
	return nil
}

// Exact says that a redirect URI may be registered: https, or http on a literal loopback address (RFC 8252 §7.3, §8.3), or a
// scheme of an application's own named by its domain reversed (§7.1), with neither wildcard, fragment, user nor dot segment.
func Exact(uri string) bool {
	if len(uri) > 512 || strings.ContainsAny(uri, "*\\# \t\r\n") {
		return false
	}
	if privateUse.MatchString(uri) {
		return !strings.Contains(uri+"/", "/../") && !strings.Contains(uri+"/", "/./") && !strings.Contains(strings.ToLower(uri), "%2e")
	}
	u, err := url.Parse(uri)
	if err != nil || u.Opaque != "" || u.User != nil || u.Hostname() == "" {
		return false
	}
	if strings.Contains(u.EscapedPath()+"/", "/../") || strings.Contains(u.EscapedPath()+"/", "/./") || strings.Contains(strings.ToLower(u.EscapedPath()), "%2e") {
		return false
	}
	switch u.Scheme {
	case "https":
		return true
	case "http":
		ip := net.ParseIP(u.Hostname())
		return ip != nil && ip.IsLoopback()
	}
	return false
}
