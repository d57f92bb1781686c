package login_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/chancery-dev/chancery/services/chancery/internal/login"
)

func TestALoginThatOthersMayReadIsRefused(t *testing.T) { // A18
	path := filepath.Join(t.TempDir(), "login.json")
	if _, err := login.Load(path); !errors.Is(err, login.ErrNone) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"portal":"https://p.example","key":{}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := login.Load(path); err == nil || errors.Is(err, login.ErrNone) {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := login.Load(path); err == nil {
		t.Fatal("a file without a key is a login")
	}
}
