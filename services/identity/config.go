package identity

import (
	"errors"
	"net/netip"
	"net/url"
	"time"

	"github.com/chancery-dev/chancery/libs/secret"
)

// config is what identity reads beside what every service does.
type config struct {
	PublicURL         string        `env:"CHANCERY_PUBLIC_URL, required" doc:"address under which browsers reach the portal" want:"https://host; http on a loopback address only"`
	SessionLife       time.Duration `env:"CHANCERY_SESSION_LIFE, default=8h" doc:"how long a session lasts at most" want:"a duration from 5m to 24h"`
	LoopbackProviders bool          `env:"CHANCERY_LOOPBACK_PROVIDERS, default=false" doc:"speak to identity providers on this machine, for development" want:"true or false"`

	PlatformName       string            `env:"CHANCERY_PLATFORM_NAME" doc:"name of the platform's own organisation, needed at the first start" want:"a name"`
	PlatformIssuer     string            `env:"CHANCERY_PLATFORM_ISSUER" doc:"issuer of its identity provider" want:"https://host/path"`
	PlatformClientID   string            `env:"CHANCERY_PLATFORM_CLIENT_ID" doc:"client id there" want:"a client id"`
	PlatformSecret     secret.String     `env:"CHANCERY_PLATFORM_CLIENT_SECRET" doc:"client secret there; empty for a public client" want:"a client secret"`
	PlatformDomains    []string          `env:"CHANCERY_PLATFORM_DOMAINS" doc:"mail domains of its people" want:"domains, separated by commas"`
	PlatformGroups     map[string]string `env:"CHANCERY_PLATFORM_GROUPS" doc:"value of the groups claim to the role it gives" want:"group:role, separated by commas"`
	FirstAdministrator string            `env:"CHANCERY_FIRST_ADMINISTRATOR" doc:"address that becomes administrator at its first sign-in" want:"an e-mail address of those domains"`
	Recover            bool              `env:"CHANCERY_PLATFORM_RECOVER, default=false" doc:"configure the platform's single sign-on anew from these variables, when nobody can sign in any more" want:"true or false"`
}

func (c config) check() error {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return errors.New("CHANCERY_PUBLIC_URL is wrong: it should be https://host, without a path")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme != "https" && (u.Scheme != "http" || err != nil || !ip.IsLoopback()) {
		return errors.New("CHANCERY_PUBLIC_URL is wrong: it should be https://host; http is for a loopback address such as http://127.0.0.1:8080")
	}
	if c.SessionLife < 5*time.Minute || c.SessionLife > 24*time.Hour {
		return errors.New("CHANCERY_SESSION_LIFE is wrong: it should be a duration from 5m to 24h")
	}
	return nil
}

// Variables are those the service reads beside what every service does, at their defaults.
func Variables() any { return &config{} }
