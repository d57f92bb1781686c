package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// Sealer encrypts what a key file holds under a key that never leaves its own place, such as the transit engine of a secret
// store. Both calls may fail for a while and are bounded in time.
type Sealer interface {
	Seal(plain []byte) (sealed string, err error)
	Open(sealed string) (plain []byte, err error)
}

// sealedKeys is a key file's content, each part sealed by itself.
type sealedKeys struct {
	Pepper   string            `json:"pepper"`
	Wrapping map[string]string `json:"wrapping"`
}

// ErrSealed says that a key file is sealed and no sealer was given.
var ErrSealed = errors.New("sealed under a transit key: set CHANCERY_TRANSIT_URL and CHANCERY_TRANSIT_KEY")

// EnsureSealedKeyFile is EnsureKeyFile for a file whose content is sealed. One that is in clear is sealed at once.
func EnsureSealedKeyFile(path string, sealer Sealer) (*KeyFile, error) {
	k, err := openKeyFile(path, sealer, nil)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := CreateKeyFile(path); err != nil {
			return nil, err
		}
		k, err = openKeyFile(path, sealer, nil)
	}
	if err != nil || k.opened != nil {
		return k, err
	}
	return k, k.Reseal()
}

// Reseal seals everything again, under the newest version of the sealer's key; without a sealer it does nothing.
func (k *KeyFile) Reseal() error {
	if k.sealer == nil {
		return nil
	}
	unlock, err := k.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := k.Reload(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.store(k.wrapping, k.made)
}

// seal is the text as it is stored, and what each sealed part holds.
func (t keyFileText) seal(s Sealer) (keyFileText, map[string][]byte, error) {
	opened := map[string][]byte{}
	one := func(name string, plain []byte) (string, error) {
		text := append([]byte(name+"\x00"), plain...) // a part that was moved to another place does not open there
		sealed, err := s.Seal(text)
		opened[sealed] = text
		return sealed, err
	}
	out := keyFileText{Version: 2, Made: t.Made, Sealed: &sealedKeys{Wrapping: map[string]string{}}}
	var err error
	if out.Sealed.Pepper, err = one("pepper", t.Pepper); err != nil {
		return out, nil, err
	}
	for service, keyset := range t.Wrapping {
		if out.Sealed.Wrapping[service], err = one("wrapping "+service, keyset); err != nil {
			return out, nil, err
		}
	}
	return out, opened, nil
}

// open fills in what is sealed; parts opened before are not opened again.
func (t *keyFileText) open(path string, s Sealer, before map[string][]byte) (map[string][]byte, error) {
	switch {
	case s == nil:
		return nil, fmt.Errorf("key file %s: %w", path, ErrSealed)
	case t.Sealed == nil || len(t.Pepper) > 0 || t.Wrapping != nil:
		return nil, fmt.Errorf("key file %s: not a key file (JSON with version, sealed pepper and wrapping)", path)
	}
	opened := map[string][]byte{}
	one := func(name, sealed string) ([]byte, error) {
		text, known := before[sealed]
		if !known {
			var err error
			if text, err = s.Open(sealed); err != nil {
				return nil, fmt.Errorf("key file %s: %w", path, err)
			}
		}
		opened[sealed] = text
		plain, ok := bytes.CutPrefix(text, []byte(name+"\x00"))
		if !ok {
			return nil, fmt.Errorf("key file %s: a sealed part stands in another's place", path)
		}
		return plain, nil
	}
	var err error
	if t.Pepper, err = one("pepper", t.Sealed.Pepper); err != nil {
		return nil, err
	}
	t.Wrapping = map[string]json.RawMessage{}
	for service, sealed := range t.Sealed.Wrapping {
		if t.Wrapping[service], err = one("wrapping "+service, sealed); err != nil {
			return nil, err
		}
	}
	return opened, nil
}
