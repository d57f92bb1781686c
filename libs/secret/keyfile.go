package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// KeyFile is the one file a service keeps outside NATS and Postgres: the pepper of fingerprints and the keyset that wraps
// every key of its vault. Services that run as one may share a file: each has a keyset of its own in it. Whoever loses it loses what it wraps; it is readable by its owner alone.
// Safe for concurrent use.
type KeyFile struct {
	path     string
	pepper   []byte
	sealer   Sealer // nil keeps the content in clear
	mu       sync.RWMutex
	wrapping map[string]json.RawMessage
	made     map[string]time.Time
	opened   map[string][]byte // what sealed texts were found to hold
	locking  sync.Mutex
}

type keyFileText struct {
	Version int    `json:"version"`
	Pepper  []byte `json:"pepper,omitempty"`
	// Wrapping is a Tink keyset for each service.
	Wrapping map[string]json.RawMessage `json:"wrapping,omitzero"`
	// Sealed is all of that under a key that lies elsewhere, in version 2.
	Sealed *sealedKeys `json:"sealed,omitempty"`
	// Made is since when each service's wrapping key is the one it is.
	Made map[string]time.Time `json:"made,omitempty"`
}

// OpenKeyFile reads the key file at path. It refuses a file that others may read, or that is not whole.
func OpenKeyFile(path string) (*KeyFile, error) { return openKeyFile(path, nil, nil) }

func openKeyFile(path string, sealer Sealer, opened map[string][]byte) (*KeyFile, error) {
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
	return decodeKeyFile(path, content, sealer, opened)
}

func decodeKeyFile(path string, content []byte, sealer Sealer, opened map[string][]byte) (*KeyFile, error) {
	var text keyFileText
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&text); err != nil {
		// The decoder's own words could quote the content.
		return nil, fmt.Errorf("key file %s: not a key file (JSON with version, pepper and wrapping)", path)
	}
	if text.Version == 2 {
		var err error
		if opened, err = text.open(path, sealer, opened); err != nil {
			return nil, err
		}
	} else if text.Version != 1 {
		return nil, fmt.Errorf("key file %s: version %d, this program reads versions 1 and 2", path, text.Version)
	}
	switch {
	case text.Wrapping == nil:
		return nil, fmt.Errorf("key file %s: no wrapping", path)
	case len(text.Pepper) < 32:
		return nil, fmt.Errorf("key file %s: pepper has %d bytes, must have at least 32", path, len(text.Pepper))
	}
	for service, wrapping := range text.Wrapping {
		if _, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(wrapping))); err != nil {
			return nil, fmt.Errorf("key file %s: wrapping of %q is not a Tink keyset", path, service)
		}
	}
	return &KeyFile{path: path, pepper: text.Pepper, sealer: sealer, wrapping: text.Wrapping, made: text.Made, opened: opened}, nil
}

// CreateKeyFile makes the key file at path with fresh keys, mode 0600, its folder 0700; it never replaces one.
// Of several that create it at once, one wins and all read the same file.
func CreateKeyFile(path string) (*KeyFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	pepper := make([]byte, 32)
	_, _ = rand.Read(pepper)
	temporary, err := writeKeyFile(path, keyFileText{Version: 1, Pepper: pepper, Wrapping: map[string]json.RawMessage{}})
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

// Wrapping is the cleartext Tink keyset, in JSON, that wraps the keys of a service's vault; nil if there is none yet.
func (k *KeyFile) Wrapping(service string) []byte {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return bytes.Clone(k.wrapping[service])
}

// Reload reads the wrapping keysets again, which another process that shares the file may have replaced.
func (k *KeyFile) Reload() error {
	k.mu.RLock()
	opened := k.opened
	k.mu.RUnlock()
	now, err := openKeyFile(k.path, k.sealer, opened)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wrapping, k.made, k.opened = now.wrapping, now.made, now.opened
	return nil
}

// Lock keeps whoever else shares the file from replacing a wrapping keyset until unlock.
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

// ReplaceWrapping stores another wrapping keyset of a service, durable on return: the old file's bytes are gone from the
// name, so that what only the old keyset opens is closed for ever. Whoever shares the file must hold its Lock and have
// called Reload under it.
func (k *KeyFile) ReplaceWrapping(service string, wrapping []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := maps.Clone(k.wrapping)
	if next == nil {
		next = map[string]json.RawMessage{}
	}
	next[service] = bytes.Clone(wrapping)
	made := maps.Clone(k.made)
	if made == nil {
		made = map[string]time.Time{}
	}
	made[service] = time.Now().UTC().Truncate(time.Second)
	return k.store(next, made)
}

// store writes the file anew, everything in it sealed again where there is a sealer.
func (k *KeyFile) store(wrapping map[string]json.RawMessage, made map[string]time.Time) error {
	text := keyFileText{Version: 1, Pepper: k.pepper, Wrapping: wrapping, Made: made}
	opened := map[string][]byte(nil)
	if k.sealer != nil {
		var err error
		if text, opened, err = text.seal(k.sealer); err != nil {
			return fmt.Errorf("key file %s: %w", k.path, err)
		}
	}
	temporary, err := writeKeyFile(k.path, text)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, k.path); err != nil {
		os.Remove(temporary)
		return fmt.Errorf("key file: %w", err)
	}
	k.wrapping, k.made, k.opened = wrapping, made, opened
	return syncFolder(filepath.Dir(k.path))
}

// Made is since when a service's wrapping key is the one it is; zero if that is not known.
func (k *KeyFile) Made(service string) time.Time {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.made[service]
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
