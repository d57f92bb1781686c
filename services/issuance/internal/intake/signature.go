package intake

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// Refusals of a signed report.
var (
	// ErrSignature says that the report was not signed by a current key of the sender.
	ErrSignature = errors.New("the signature of the report does not hold under a current key")
	// ErrNoKeys says that the sender's keys cannot be read at the moment.
	ErrNoKeys = errors.New("the sender's keys cannot be read; send the report again later")
)

const (
	// stale is how old a key list may get, again how soon after a reading it is read anew for a key it lacks.
	stale    = time.Hour
	again    = 30 * time.Second
	maxList  = 1 << 20
	maxNames = 256
)

// Keys are the public keys of GitHub's secret scanning: a list by address or file, kept for an hour and read again, at
// most every half minute, for a key it lacks. Safe for concurrent use.
type Keys struct {
	// From is an https address, an http address of this host, or a path.
	From   string
	Client *http.Client
	Now    func() time.Time

	fetching    sync.Mutex
	mu          sync.Mutex
	list        map[string]*ecdsa.PublicKey
	tried, good time.Time
	err         error
}

// Verify checks a signature of the raw body: ECDSA over P-256 and SHA-256, ASN.1 in base64, by the key of a name.
func (k *Keys) Verify(ctx context.Context, name, signature string, body []byte) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || name == "" || len(name) > maxNames || len(raw) > 128 {
		return ErrSignature
	}
	key, err := k.key(ctx, name)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if key == nil || !ecdsa.VerifyASN1(key, sum[:], raw) {
		return ErrSignature
	}
	return nil
}

// key is the current key of a name, nil if the list has none.
func (k *Keys) key(ctx context.Context, name string) (*ecdsa.PublicKey, error) {
	key, enough, err := k.look(name)
	if enough {
		return key, err
	}
	// Who asks for a key that is known does not wait for those who ask for one that is not.
	k.fetching.Lock()
	defer k.fetching.Unlock()
	if key, enough, err = k.look(name); enough {
		return key, err
	}
	list, err := k.fetch(ctx)
	k.mu.Lock()
	switch {
	case err == nil:
		k.list = list
	case k.Now().Sub(k.good) >= 2*stale:
		k.list = nil // a key that was withdrawn meanwhile must not be good for ever
	}
	if k.tried, k.err = k.Now(), err; err == nil {
		k.good = k.tried
	}
	k.mu.Unlock()
	key, _, err = k.look(name)
	return key, err
}

// look says too whether the list is fresh enough for the answer.
func (k *Keys) look(name string) (key *ecdsa.PublicKey, enough bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, since := k.list[name], k.Now().Sub(k.tried)
	enough = !k.tried.IsZero() && (key != nil && since < stale || since < again)
	if k.list == nil {
		err = fmt.Errorf("%w: %w", ErrNoKeys, errors.Join(k.err))
	}
	return key, enough, err
}

func (k *Keys) fetch(ctx context.Context) (map[string]*ecdsa.PublicKey, error) {
	raw, err := k.load(ctx)
	if err != nil {
		return nil, err
	}
	return readKeys(raw)
}

func (k *Keys) load(ctx context.Context) ([]byte, error) {
	u, err := url.Parse(k.From)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		f, err := os.Open(k.From)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.LimitReader(f, maxList))
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.From, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := k.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the key list answers %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxList))
}

// readKeys takes the list apart; keys that are not current are left out.
func readKeys(raw []byte) (map[string]*ecdsa.PublicKey, error) {
	var list struct {
		Keys []struct {
			Name    string `json:"key_identifier"`
			Key     string `json:"key"`
			Current bool   `json:"is_current"`
		} `json:"public_keys"`
	}
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Keys) == 0 {
		return nil, errors.New("the key list is not of GitHub's form")
	}
	out := map[string]*ecdsa.PublicKey{}
	for _, x := range list.Keys {
		if !x.Current {
			continue
		}
		block, _ := pem.Decode([]byte(x.Key))
		if block == nil {
			return nil, fmt.Errorf("key %q of the list is no PEM block", x.Name)
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("key %q of the list: %w", x.Name, err)
		}
		key, ok := public.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() {
			return nil, fmt.Errorf("key %q of the list is no P-256 key", x.Name)
		}
		out[x.Name] = key
	}
	return out, nil
}
