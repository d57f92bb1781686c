package issuance

import (
	"strings"
	"testing"
	"time"
)

func TestAnUnsafeLifetimeKeepsTheServiceFromStarting(t *testing.T) { // D1, D16
	for life, wrong := range map[time.Duration]bool{time.Hour: false, 10 * time.Second: false, time.Hour + time.Second: true, time.Second: true, 0: true, -time.Minute: true} {
		if err := (config{TokenLifetime: life}).check(); (err != nil) != wrong || wrong && !strings.Contains(err.Error(), "CHANCERY_ACCESS_TOKEN_LIFETIME") {
			t.Errorf("%s: %v", life, err)
		}
	}
	for address, wrong := range map[string]bool{"": false, "https://mtls.example": false, "http://mtls.example": true, "https://mtls.example/": true, "mtls.example": true} {
		if err := (config{TokenLifetime: time.Minute, MutualTLS: address}).check(); (err != nil) != wrong {
			t.Errorf("%q: %v", address, err)
		}
	}
}
