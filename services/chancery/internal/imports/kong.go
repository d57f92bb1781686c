package imports

import (
	"cmp"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/chancery-dev/chancery/libs/secret"
)

// kongConsumer is a consumer of Kong's declarative configuration, as far as it is taken over.
type kongConsumer struct {
	Username string      `yaml:"username"`
	CustomID string      `yaml:"custom_id"`
	Keys     []yaml.Node `yaml:"keyauth_credentials"`
	OAuth    []yaml.Node `yaml:"oauth2_credentials"`
	JWT      []yaml.Node `yaml:"jwt_secrets"`
	Basic    []yaml.Node `yaml:"basicauth_credentials"`
	Groups   []struct {
		Group string `yaml:"group"`
	} `yaml:"acls"`
}

// kong reads consumers and their credentials; the first group of a consumer names its product where the caller names none.
func (p *Plan) kong(body []byte, d Defaults) error {
	var file struct {
		Format    string      `yaml:"_format_version"`
		Consumers []yaml.Node `yaml:"consumers"`
	}
	if err := yaml.Unmarshal(body, &file); err != nil || file.Format == "" {
		return fmt.Errorf("%w: no declarative configuration of Kong with _format_version", ErrFormat)
	}
	for _, node := range file.Consumers {
		var c kongConsumer
		if err := node.Decode(&c); err != nil {
			p.wrong(node.Line, "a consumer that cannot be read")
			continue
		}
		name := cmp.Or(c.Username, c.CustomID)
		p.Applications = append(p.Applications, Application{Line: node.Line, Name: name, Purpose: d.Purpose, Environment: d.Environment, Owner: d.Owner, Backup: d.Backup})
		product := d.Product
		if product == "" && len(c.Groups) > 0 {
			product = c.Groups[0].Group
		}
		add := func(n *yaml.Node, kind, id, value string) {
			p.Keys = append(p.Keys, Key{Line: n.Line, SourceID: name + "/" + id, Application: name, Kind: kind, Name: name + " " + id,
				Secret: secret.New(value), Product: product, Scopes: d.Scopes, ExpiresAt: d.ExpiresAt})
		}
		for i := range c.Keys {
			var k struct {
				ID  string `yaml:"id"`
				Key string `yaml:"key"`
			}
			if c.Keys[i].Decode(&k) != nil {
				p.wrong(c.Keys[i].Line, "%s: a key that cannot be read", name)
				continue
			}
			add(&c.Keys[i], "api_key", cmp.Or(k.ID, "key-"+strconv.Itoa(i+1)), k.Key)
		}
		for i := range c.OAuth {
			var k struct {
				Client string `yaml:"client_id"`
				Secret string `yaml:"client_secret"`
			}
			if c.OAuth[i].Decode(&k) != nil || k.Client == "" {
				p.wrong(c.OAuth[i].Line, "%s: an OAuth client that cannot be read or has no client_id", name)
				continue
			}
			add(&c.OAuth[i], "client_secret", k.Client, k.Secret)
		}
		for i := range c.JWT {
			p.wrong(c.JWT[i].Line, "%s: a JWT secret is not taken over; issue a client_key", name)
		}
		for i := range c.Basic {
			p.wrong(c.Basic[i].Line, "%s: a password is not taken over; issue a client_secret", name)
		}
	}
	return nil
}
