package issuance

import (
	"errors"
	"time"

	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
)

// config is what issuance reads beside what every service does.
type config struct {
	Issuer        string        `env:"CHANCERY_ISSUER, required" doc:"issuer of access tokens: the public address of the portal" want:"https://host"`
	TokenLifetime time.Duration `env:"CHANCERY_ACCESS_TOKEN_LIFETIME, default=10m" doc:"how long an access token lives at most" want:"a duration from 10s to 1h"`
}

func (c config) check() error {
	if c.TokenLifetime < 10*time.Second || c.TokenLifetime > oauth.MaxLifetime {
		return errors.New("CHANCERY_ACCESS_TOKEN_LIFETIME is wrong: it should be a duration from 10s to 1h (how long an access token lives at most)")
	}
	return nil
}
