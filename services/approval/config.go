package approval

import (
	"errors"
	"time"
)

// config is what approval reads beside what every service does.
type config struct {
	Public    time.Duration `env:"CHANCERY_SHRINK_PUBLIC, default=720h" doc:"how long a grant of a public product is watched before it is proposed to drop what it did not use" want:"a duration from 1m to 8760h"`
	Partner   time.Duration `env:"CHANCERY_SHRINK_PARTNER, default=720h" doc:"the same for partner products" want:"a duration from 1m to 8760h"`
	Sensitive time.Duration `env:"CHANCERY_SHRINK_SENSITIVE, default=720h" doc:"the same for sensitive products" want:"a duration from 1m to 8760h"`
	Shadow    time.Duration `env:"CHANCERY_SHRINK_SHADOW, default=336h" doc:"how long authorizers count what a proposal would deny before it lapses" want:"a duration from 1m to 8760h"`
	Undo      time.Duration `env:"CHANCERY_SHRINK_UNDO, default=720h" doc:"how long a narrowing that followed a proposal can be taken back" want:"a duration from 1m to 8760h"`
	Every     time.Duration `env:"CHANCERY_SHRINK_EVERY, default=1h" doc:"how often grants are looked through for what they do not use" want:"a duration from 100ms to 8760h"`
}

func (c config) check() error {
	for name, d := range map[string]time.Duration{"PUBLIC": c.Public, "PARTNER": c.Partner, "SENSITIVE": c.Sensitive, "SHADOW": c.Shadow, "UNDO": c.Undo} {
		if d < time.Minute || d > 365*24*time.Hour {
			return errors.New("CHANCERY_SHRINK_" + name + " is wrong: it should be a duration from 1m to 8760h")
		}
	}
	if c.Every < 100*time.Millisecond || c.Every > 365*24*time.Hour {
		return errors.New("CHANCERY_SHRINK_EVERY is wrong: it should be a duration from 100ms to 8760h")
	}
	return nil
}

// Variables are those the service reads beside what every service does, at their defaults.
func Variables() any { return &config{} }
