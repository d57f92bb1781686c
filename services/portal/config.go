package portal

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// config is what the portal reads beside what every service does.
type config struct {
	PublicURL   string        `env:"CHANCERY_PUBLIC_URL, required" doc:"address under which browsers reach the portal" want:"https://host; http on a loopback address only"`
	SessionIdle time.Duration `env:"CHANCERY_SESSION_IDLE, default=30m" doc:"how long a session lasts that nobody uses" want:"a duration from 1m to 24h"`

	Identity string `env:"CHANCERY_IDENTITY_URL, required" doc:"where identity answers" want:"http://host:port"`
	Registry string `env:"CHANCERY_REGISTRY_URL" doc:"where registry answers; calls to a service that is not named are not found" want:"http://host:port"`
	Approval string `env:"CHANCERY_APPROVAL_URL" doc:"where approval answers" want:"http://host:port"`
	Issuance string `env:"CHANCERY_ISSUANCE_URL" doc:"where issuance answers" want:"http://host:port"`
	Audit    string `env:"CHANCERY_AUDIT_URL" doc:"where audit answers" want:"http://host:port"`
	Gateway  string `env:"CHANCERY_GATEWAY_URL" doc:"where an authorizer answers people; nobody is told why a call was denied if it is empty" want:"http://host:port"`
}

// check answers where each service is.
func (c config) check() (map[string]*url.URL, error) {
	public, ok := parse(c.PublicURL)
	if !ok {
		return nil, errors.New("CHANCERY_PUBLIC_URL is wrong: it should be https://host, without a path")
	}
	if ip, err := netip.ParseAddr(public.Hostname()); public.Scheme != "https" && (err != nil || !ip.IsLoopback()) {
		return nil, errors.New("CHANCERY_PUBLIC_URL is wrong: it should be https://host; http is for a loopback address such as http://127.0.0.1:8080")
	}
	if c.SessionIdle < time.Minute || c.SessionIdle > 24*time.Hour {
		return nil, errors.New("CHANCERY_SESSION_IDLE is wrong: it should be a duration from 1m to 24h")
	}
	services := map[string]*url.URL{}
	for name, address := range map[string]string{"identity": c.Identity, "registry": c.Registry, "approval": c.Approval, "issuance": c.Issuance, "audit": c.Audit, "gateway": c.Gateway} {
		if address == "" {
			continue
		}
		u, ok := parse(address)
		if !ok {
			return nil, fmt.Errorf("CHANCERY_%s_URL is wrong: it should be http://host:port", strings.ToUpper(name))
		}
		services[name] = u
	}
	return services, nil
}

// Variables are those the service reads beside what every service does, at their defaults.
func Variables() any { return &config{} }
