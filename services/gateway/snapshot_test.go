package gateway_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/gateway"
	"github.com/chancery-dev/chancery/services/gateway/internal/worldtest"
)

// said is what a service logged.
type said struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(p)
}

func (s *said) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.String(), text)
}

// keeping starts a gateway that keeps its state in a folder.
func keeping(t *testing.T, s *servicetest.Suite, folder string) (*running, *said) {
	t.Helper()
	c := s.Config("gateway", false)
	c.Lookup = envconfig.MapLookuper(map[string]string{"CHANCERY_GATEWAY_STATE": folder})
	log := &said{}
	c.Host.Logger = slog.New(slog.NewTextHandler(log, nil))
	keys, err := secret.EnsureKeyFile(c.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{suite: s, keys: secret.NewFingerprints(keys.Pepper())}
	r.at = s.Start("gateway", c, gateway.New)
	return r, log
}

// L2: what was revoked while an authorizer was away is refused from its first answer on, and a snapshot that cannot be
// trusted is worth nothing.
func TestAnAuthorizerStartsFromItsSnapshotAndTheTail(t *testing.T) {
	s, folder := servicetest.New(t, nil), filepath.Join(t.TempDir(), "state")
	first, _ := keeping(t, s, folder)
	w := worldtest.Make(s.Append, first.keys, time.Now())
	revoke := func(id string) {
		s.Append("issuance", "credential", id, &issuancev1.CredentialRevoked{Reason: "suspected_leak"})
	}
	before, beforeKey := w.Issue("api_key", "accounts:read")
	away, awayKey := w.Issue("api_key", "accounts:read")
	_, liveKey := w.Issue("api_key", "accounts:read")
	revoke(before)
	first.applied(t)
	for key, want := range map[string]int{beforeKey: 401, awayKey: 204, liveKey: 204} {
		if a := first.door(t, "/verify", key); a.status != want {
			t.Fatalf("%d, want %d", a.status, want)
		}
	}
	if err := first.at.Stop(); err != nil {
		t.Fatal(err)
	}
	revoke(away)
	_, laterKey := w.Issue("api_key", "accounts:read")
	path := filepath.Join(folder, "snapshot")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	restart := func(taken bool) {
		t.Helper()
		r, log := keeping(t, s, folder)
		for key, want := range map[string]int{beforeKey: 401, awayKey: 401, liveKey: 204, laterKey: 204} {
			if a := r.door(t, "/verify", key); a.status != want {
				t.Errorf("%d, want %d", a.status, want)
			}
		}
		if log.has("the state was taken from the snapshot") != taken || log.has("the whole log is folded") == taken {
			t.Errorf("taken: %v, want %v:\n%s", !taken, taken, log.String())
		}
		if err := r.at.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	restart(true)
	for name, broken := range map[string][]byte{"cut off": raw[:len(raw)/2], "changed": append(bytes.Clone(raw[:len(raw)/2]), append([]byte{raw[len(raw)/2] ^ 1}, raw[len(raw)/2+1:]...)...)} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			restart(false)
		})
	}
	restart(true) // what was folded from the start has been written down again

	// Of another log, and of another authorizer.
	other := servicetest.New(t, nil)
	c := other.Config("gateway", false)
	if err := copyFile(s.Config("gateway", false).KeyFile, c.KeyFile); err != nil {
		t.Fatal(err)
	}
	r, log := keeping(t, other, folder)
	if !log.has("of another log") || r.door(t, "/verify", liveKey).status != 401 {
		t.Errorf("the state of another log was taken:\n%s", log.String())
	}
}

func copyFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o600)
}
