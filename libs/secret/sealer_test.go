package secret_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/chancery-dev/chancery/libs/secret"
)

// elsewhere seals under a key that no file of ours holds, and counts how often it is asked.
type elsewhere struct {
	aead  tink.AEAD
	opens int
	down  error
}

func newElsewhere(t *testing.T) *elsewhere {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	a, err := aead.New(h)
	if err != nil {
		t.Fatal(err)
	}
	return &elsewhere{aead: a}
}

func (e *elsewhere) Seal(plain []byte) (string, error) {
	c, err := e.aead.Encrypt(plain, nil)
	return base64.StdEncoding.EncodeToString(c), errors.Join(err, e.down)
}

func (e *elsewhere) Open(sealed string) ([]byte, error) {
	e.opens++
	c, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || e.down != nil {
		return nil, errors.Join(err, e.down)
	}
	return e.aead.Decrypt(c, nil)
}

func TestASealedKeyFileHoldsNothingInClear(t *testing.T) { // D11
	path, kek := filepath.Join(t.TempDir(), "service.key"), newElsewhere(t)
	clear, err := secret.EnsureKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wrapping, _ := secret.NewWrapping()
	if err := clear.ReplaceWrapping("issuance", wrapping); err != nil {
		t.Fatal(err)
	}
	if clear.Made("issuance").IsZero() || !clear.Made("audit").IsZero() {
		t.Fatal("the age of a wrapping key is not known")
	}
	k, err := secret.EnsureSealedKeyFile(path, kek)
	if err != nil {
		t.Fatal(err)
	}
	content, _ := os.ReadFile(path)
	if bytes.Contains(content, []byte(base64.StdEncoding.EncodeToString(k.Pepper()))) || bytes.Contains(content, []byte("primaryKeyId")) {
		t.Fatalf("in clear: %s", content)
	}
	if !bytes.Equal(k.Pepper(), clear.Pepper()) || k.Wrapping("issuance") == nil || k.Made("issuance") != clear.Made("issuance") {
		t.Fatal("sealing changed the keys")
	}
	if _, err := secret.OpenKeyFile(path); !errors.Is(err, secret.ErrSealed) {
		t.Fatalf("a sealed file opened by itself: %v", err)
	}
	if _, err := secret.EnsureSealedKeyFile(path, newElsewhere(t)); err == nil {
		t.Fatal("another key opens it")
	}

	// What is unchanged is not opened again, so a store that is away for a moment stops nothing.
	again, err := secret.EnsureSealedKeyFile(path, kek)
	if err != nil {
		t.Fatal(err)
	}
	opens := kek.opens
	if err := errors.Join(again.Reload(), again.Reload()); err != nil || kek.opens != opens {
		t.Fatalf("reloading asked %d times: %v", kek.opens-opens, err)
	}
	kek.down = errors.New("away")
	if err := again.Reload(); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	if err := again.ReplaceWrapping("issuance", wrapping); err == nil {
		t.Fatal("stored without being sealed")
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Fatal("a failed change changed the file")
	}
	kek.down = nil

	// Resealing leaves the keys as they are and every sealed text another.
	if err := again.Reseal(); err != nil {
		t.Fatal(err)
	}
	after, _ := os.ReadFile(path)
	if bytes.Equal(before, after) {
		t.Fatal("nothing was sealed anew")
	}
	if err := k.Reload(); err != nil || !bytes.Equal(k.Wrapping("issuance"), again.Wrapping("issuance")) {
		t.Fatalf("another process reads something else: %v", err)
	}

	// A part moved to another's place is refused.
	text := string(after)
	pepper := strings.Split(strings.SplitAfter(text, `"pepper": "`)[1], `"`)[0]
	keys := strings.Split(strings.SplitAfter(text, `"issuance": "`)[1], `"`)[0]
	swapped := strings.NewReplacer(pepper, keys, keys, pepper).Replace(text)
	if err := os.WriteFile(path, []byte(swapped), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.EnsureSealedKeyFile(path, kek); err == nil || !strings.Contains(err.Error(), "another's place") {
		t.Fatalf("swapped parts: %v", err)
	}
}
