package organization

import (
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// ConfigureSingleSignOn says by which OpenID provider the organisation's people sign in.
type ConfigureSingleSignOn struct{ SingleSignOn }

var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)

// Decide follows rules 5 and 6.
func (c ConfigureSingleSignOn) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	var domains []string
	for _, d := range c.Domains {
		domains = append(domains, strings.ToLower(strings.TrimSpace(d)))
	}
	slices.Sort(domains)
	domains = slices.Compact(domains)
	switch {
	case !validIssuer(c.Issuer):
		return nil, ErrIssuer
	case c.ClientID == "":
		return nil, ErrClientID
	case len(domains) == 0 || len(domains) > 50 || slices.ContainsFunc(domains, func(d string) bool { return len(d) > 253 || !domain.MatchString(d) }):
		return nil, ErrDomains
	case len(c.GroupRoles) > 200:
		return nil, ErrGroups
	}
	for group, role := range c.GroupRoles {
		switch {
		case group == "":
			return nil, ErrGroups
		case !slices.Contains(Roles(s.Kind), role):
			return nil, ErrForeignRole
		}
	}
	if now := s.SingleSignOn; now.Issuer == c.Issuer && now.ClientID == c.ClientID && now.SecretID == c.SecretID &&
		slices.Equal(now.Domains, domains) && maps.Equal(now.GroupRoles, c.GroupRoles) {
		return nil, nil
	}
	return []aggregate.Event{&identityv1.OrganizationSingleSignOnConfigured{
		Issuer: c.Issuer, ClientId: c.ClientID, SecretId: c.SecretID, Domains: domains, GroupRoles: c.GroupRoles,
	}}, nil
}

// validIssuer follows OpenID Connect Discovery 1.0 §3: https, no query, no fragment; http is for loopback alone.
func validIssuer(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#") || u.User != nil {
		return false
	}
	if u.Scheme == "http" {
		ip, err := netip.ParseAddr(u.Hostname())
		return err == nil && ip.IsLoopback()
	}
	return u.Scheme == "https"
}
