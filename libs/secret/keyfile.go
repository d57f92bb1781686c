package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// KeyFile is the one file a service keeps outside NATS and Postgres: the pepper of fingerprints and the keyset that wraps
// every key of the vault. Whoever loses it loses what it wraps; it is readable by its owner alone.
// Safe for concurrent use.
type KeyFile struct {
	path     string
	pepper   []byte
	mu       sync.RWMutex
	wrapping []byte
	locking  sync.Mutex
}

type keyFileText struct {
	Version  int             `json:"version"`
	Pepper   []byte          `json:"pepper"`
	Wrapping json.RawMessage `json:"wrapping"`
}

// OpenKeyFile reads the key file at path. It refuses a file that others may read, or that is not whole.
func OpenKeyFile(path string) (*KeyFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("key file %s: not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s: mode %04o lets others read it, must be 0600 (chmod 600 %s)", path, info.Mode().Perm(), path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return decodeKeyFile(path, content)
}

func decodeKeyFile(path string, content []byte) (*KeyFile, error) {
	var text keyFileText
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&text); err != nil {
		// The decoder's own words could quote the content.
		return nil, fmt.Errorf("key file %s: not a key file (JSON with version, pepper and wrapping)", path)
	}
	switch {
	case text.Version != 1:
		return nil, fmt.Errorf("key file %s: version %d, this program reads version 1", path, text.Version)
	case len(text.Pepper) < 32:
		return nil, fmt.Errorf("key file %s: pepper has %d bytes, must have at least 32", path, len(text.Pepper))
	}
	if _, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text.Wrapping))); err != nil {
		return nil, fmt.Errorf("key file %s: wrapping is not a Tink keyset", path)
	}
	return &KeyFile{path: path, pepper: text.Pepper, wrapping: text.Wrapping}, nil
}

// CreateKeyFile makes the key file at path with fresh keys, mode 0600, its folder 0700; it never replaces one.
// Of several that create it at once, one wins and all read the same file.
func CreateKeyFile(path string) (*KeyFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	wrapping, err := NewWrapping()
	if err != nil {
		return nil, err
	}
	pepper := make([]byte, 32)
	_, _ = rand.Read(pepper)
	temporary, err := writeKeyFile(path, keyFileText{Version: 1, Pepper: pepper, Wrapping: wrapping})
	if err != nil {
		return nil, err
	}
	defer os.Remove(temporary)
	// A link fails if the name is taken, where a rename would replace another's keys.
	if err := os.Link(temporary, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return OpenKeyFile(path)
}

// EnsureKeyFile opens the key file at path and creates it at the first start.
func EnsureKeyFile(path string) (*KeyFile, error) {
	k, err := OpenKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return CreateKeyFile(path)
	}
	return k, err
}

// Pepper keys the fingerprints; at least 32 bytes.
func (k *KeyFile) Pepper() []byte { return bytes.Clone(k.pepper) }

// Wrapping is the cleartext Tink keyset, in JSON, that wraps the keys of the vault.
func (k *KeyFile) Wrapping() []byte {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return bytes.Clone(k.wrapping)
}

// Reload reads the wrapping keyset again, which another process that shares the file may have replaced.
func (k *KeyFile) Reload() error {
	now, err := OpenKeyFile(k.path)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wrapping = now.wrapping
	return nil
}

// Lock keeps every other process that shares the file from replacing the wrapping keyset until unlock.
func (k *KeyFile) Lock() (unlock func(), err error) {
	k.locking.Lock()
	f, err := os.OpenFile(k.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			f.Close()
		}
	}
	if err != nil {
		k.locking.Unlock()
		return nil, fmt.Errorf("key file %s: lock: %w", k.path, err)
	}
	return func() {
		f.Close()
		k.locking.Unlock()
	}, nil
}

// Path is where the file lies.
func (k *KeyFile) Path() string { return k.path }

// ReplaceWrapping stores another wrapping keyset, durable on return: the old file's bytes are gone from the name, so that
// what only the old keyset opens is closed for ever.
func (k *KeyFile) ReplaceWrapping(wrapping []byte) error {
	temporary, err := writeKeyFile(k.path, keyFileText{Version: 1, Pepper: k.pepper, Wrapping: wrapping})
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, k.path); err != nil {
		os.Remove(temporary)
		return fmt.Errorf("key file: %w", err)
	}
	k.mu.Lock()
	k.wrapping = bytes.Clone(wrapping)
	k.mu.Unlock()
	return syncFolder(filepath.Dir(k.path))
}

// NewWrapping makes a wrapping keyset of one AES-256-GCM key, in Tink's JSON.
func NewWrapping() ([]byte, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("wrapping key: %w", err)
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&out)); err != nil {
		return nil, fmt.Errorf("wrapping key: %w", err)
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

func writeKeyFile(path string, text keyFileText) (string, error) {
	content, err := json.MarshalIndent(text, "", "  ")
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".keyfile-*") // CreateTemp's mode is 0600
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	_, err = f.Write(append(content, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("key file: %w", err)
	}
	return f.Name(), nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
