package gateway_test

import (
	"testing"
	"time"
)

// G10: who cannot know the newest facts lets nothing pass, and goes on by itself once it can.
func TestAnAuthorizerThatIsCutOffRefuses(t *testing.T) {
	r := start(t)
	_, key := r.Issue("api_key", "accounts:read")
	r.applied(t)
	until := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; {
			a := r.door(t, "/verify", key)
			if a.status == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("answered %d, want %d", a.status, want)
			}
		}
	}
	until(204)
	r.suite.Server.Stop()
	until(503)
	if a := r.door(t, "/verify", key); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Fatalf("%d %v", a.status, a.header)
	}
}
