package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/libs/jws"
)

const (
	// refreshAfter is how long keys are used before they are asked for again, so that a withdrawn one is not used for long.
	refreshAfter = time.Minute
	// askEvery bounds how often an unknown key makes the authorizer be asked.
	askEvery = time.Second
	maxKeys  = 1 << 20
)

// Keys are the public keys of all authorizers, as any one of them publishes them. Safe for concurrent use.
type Keys struct {
	// URL is an authorizer's /.well-known/jwks.json.
	URL    string
	Client *http.Client
	Now    func() time.Time

	mu    sync.Mutex
	keys  map[string]jws.Key
	asked time.Time
	read  time.Time
}

// Key is the key of a name. An unknown name makes the authorizer be asked again, but not often; while it cannot be
// reached, keys that are known are used for as long as contexts live.
func (k *Keys) Key(r *http.Request, keyID string) (jws.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.Now()
	key, known := k.keys[keyID]
	if (!known || now.Sub(k.read) >= refreshAfter) && now.Sub(k.asked) >= askEvery {
		k.asked = now
		if keys, err := k.fetch(r.Context()); err == nil {
			k.keys, k.read = keys, now
		} else if now.Sub(k.read) >= 2*refreshAfter {
			k.keys = nil
			return jws.Key{}, err
		}
		key, known = k.keys[keyID]
	}
	if !known {
		return jws.Key{}, errors.New("its key is not an authorizer's")
	}
	return key, nil
}

func (k *Keys) fetch(ctx context.Context) (map[string]jws.Key, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, k.URL, nil)
	if err != nil {
		return nil, err
	}
	client := k.Client
	if client == nil {
		client = http.DefaultClient
	}
	a, err := client.Do(q)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the authorizer's keys: %s", a.Status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(a.Body, maxKeys)).Decode(&set); err != nil {
		return nil, fmt.Errorf("the authorizer's keys: %w", err)
	}
	keys := map[string]jws.Key{}
	for _, raw := range set.Keys {
		if key, err := jws.ParseKey(raw); err == nil {
			keys[key.Thumbprint] = key // a key is named by its thumbprint, RFC 7638
		}
	}
	return keys, nil
}
