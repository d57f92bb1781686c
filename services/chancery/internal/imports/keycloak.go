package imports

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chancery-dev/chancery/libs/secret"
)

// keycloak reads the clients of a realm's export: those with a secret of their own that act for themselves.
func (p *Plan) keycloak(body []byte, d Defaults) error {
	var realm struct {
		Realm   string            `json:"realm"`
		Clients []json.RawMessage `json:"clients"`
	}
	if err := json.Unmarshal(body, &realm); err != nil || realm.Realm == "" {
		return fmt.Errorf("%w: no export of a Keycloak realm", ErrFormat)
	}
	at := 0
	for _, raw := range realm.Clients {
		// The texts of the clients stand in the body in their order.
		line := 1
		if i := bytes.Index(body[at:], raw); i >= 0 {
			line, at = 1+bytes.Count(body[:at+i], []byte("\n")), at+i+len(raw)
		}
		var c struct {
			ID              string `json:"clientId"`
			Name            string `json:"name"`
			Description     string `json:"description"`
			Secret          string `json:"secret"`
			Authenticator   string `json:"clientAuthenticatorType"`
			Enabled         *bool  `json:"enabled"`
			Public          bool   `json:"publicClient"`
			Bearer          bool   `json:"bearerOnly"`
			ServiceAccounts bool   `json:"serviceAccountsEnabled"`
		}
		if json.Unmarshal(raw, &c) != nil || c.ID == "" {
			p.wrong(line, "a client that cannot be read or has no clientId")
			continue
		}
		switch {
		case c.Enabled != nil && !*c.Enabled:
			p.wrong(line, "%s: it is disabled", c.ID)
			continue
		case c.Public || c.Bearer:
			p.wrong(line, "%s: it has no secret of its own", c.ID)
			continue
		case !c.ServiceAccounts:
			p.wrong(line, "%s: it does not act for itself; register it and have its redirect addresses reviewed", c.ID)
			continue
		case c.Authenticator != "" && c.Authenticator != "client-secret":
			p.wrong(line, "%s: it authenticates by %s; issue a client_key or a client_certificate", c.ID, c.Authenticator)
			continue
		case strings.Trim(c.Secret, "*") == "":
			p.wrong(line, "%s: the export masks its secret", c.ID)
			continue
		}
		p.Applications = append(p.Applications, Application{Line: line, Name: cmp.Or(c.Name, c.ID), Purpose: cmp.Or(c.Description, d.Purpose), Environment: d.Environment, Owner: d.Owner, Backup: d.Backup})
		p.Keys = append(p.Keys, Key{Line: line, SourceID: c.ID, Application: cmp.Or(c.Name, c.ID), Kind: "client_secret", Name: c.ID,
			Secret: secret.New(c.Secret), Product: d.Product, Scopes: d.Scopes, ExpiresAt: d.ExpiresAt})
	}
	return nil
}
