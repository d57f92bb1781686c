package issuance

import (
	"errors"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
)

// config is what issuance reads beside what every service does.
type config struct {
	Issuer        string        `env:"CHANCERY_ISSUER, required" doc:"issuer of access tokens: the public address of the portal" want:"https://host"`
	TokenLifetime time.Duration `env:"CHANCERY_ACCESS_TOKEN_LIFETIME, default=10m" doc:"how long an access token lives at most" want:"a duration from 10s to 1h"`
	PushLoopback  bool          `env:"CHANCERY_PUSH_LOOPBACK, default=false" doc:"push security events to receivers on this machine, for development" want:"true or false"`
	// A portal takes the header away from what clients send it, so it is none of these.
	CertificateProxies service.Networks `env:"CHANCERY_CLIENT_CERT_PROXIES" doc:"networks of proxies that set the header Client-Cert (RFC 9440) themselves, whatever clients send" want:"networks such as 10.0.0.0/8, separated by commas"`
	MutualTLS          string           `env:"CHANCERY_MTLS_URL" doc:"address under which clients with certificates reach the OAuth endpoints, told in their metadata" want:"https://host"`
	DeliveryStores     string           `env:"CHANCERY_DELIVERY_STORES" doc:"stores secrets may be delivered into unseen; each is set up by CHANCERY_DELIVERY_<NAME>_FOLDER or _URL and further variables (docs/runbooks/keys.md)" want:"names separated by commas"`
	LeakGitHubKeys     string           `env:"CHANCERY_LEAK_GITHUB_KEYS" doc:"where the public keys of GitHub's secret scanning are read; empty takes no reports from GitHub" want:"https://api.github.com/meta/public_keys/secret_scanning or a path"`
}

func (c config) check() error {
	if c.TokenLifetime < 10*time.Second || c.TokenLifetime > oauth.MaxLifetime {
		return errors.New("CHANCERY_ACCESS_TOKEN_LIFETIME is wrong: it should be a duration from 10s to 1h (how long an access token lives at most)")
	}
	if c.MutualTLS != "" && (!strings.HasPrefix(c.MutualTLS, "https://") || strings.HasSuffix(c.MutualTLS, "/")) {
		return errors.New("CHANCERY_MTLS_URL is wrong: it should be https://host (address under which clients with certificates reach the OAuth endpoints)")
	}
	return nil
}
