package issuance_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/services/issuance/renewal"
)

func TestAKeeperKeepsASecretFresh(t *testing.T) { // D2
	s := newScene(t)
	s.want(s.issue("api_key", s.grant), 201, "")
	file := filepath.Join(t.TempDir(), "secret")
	keeper := func(kind string) *renewal.Keeper {
		r := s.want(s.call(&s.owner, "POST", "/v1/credentials", map[string]any{"grant_id": s.grant, "kind": kind, "name": "kept", "expires_in_seconds": 3600}), 201, "")
		if err := os.WriteFile(file, []byte(r.body["secret"].(string)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return &renewal.Keeper{Server: s.running.URL, ID: r.body["id"].(string), Kind: kind, File: file, HTTP: http.DefaultClient, Now: s.suite.Clock}
	}
	k, other := keeper("api_key"), renewal.Keeper{}
	if due, err := k.Due(); err != nil || !due.IsZero() {
		t.Fatal(due, err)
	}
	var refused *renewal.Refused
	if _, err := k.Renew(t.Context()); !errors.As(err, &refused) || refused.Code != "too_early" {
		t.Fatalf("renewed too early: %v", err)
	}
	before, _ := os.ReadFile(file)
	s.ahead.Store(int64(2500 * time.Second))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := k.Keep(ctx, func(r renewal.Renewed, err error) {
		if err != nil || r.Generation != 2 || !r.From.Before(r.ExpiresAt) {
			t.Errorf("%v: %v", r, err)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	after, _ := os.ReadFile(file)
	info, _ := os.Stat(file)
	if string(after) == string(before) || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file was not replaced, mode %04o", info.Mode().Perm())
	}
	if due, err := k.Due(); err != nil || !due.After(s.suite.Clock()) {
		t.Fatalf("next due %s: %v", due, err)
	}
	other = *k
	other.ID = id()
	if due, err := other.Due(); err != nil || !due.IsZero() {
		t.Fatal("another credential's state is believed")
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Renew(t.Context()); err == nil {
		t.Fatal("a file that others may read was used")
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	// What is over is not kept.
	if err := os.WriteFile(file, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := other.Keep(t.Context(), func(renewal.Renewed, error) {}); !errors.As(err, &refused) || refused.Code != "invalid_client" {
		t.Fatalf("kept a secret nobody knows: %v", err)
	}
}
