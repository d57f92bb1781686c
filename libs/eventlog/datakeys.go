package eventlog

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// ErrErased says that the key of some personal values was destroyed, and with it the values.
var ErrErased = errors.New("erased")

const (
	dataKeySize = 32
	// dataKeyAge bounds how long after an erasure by another process a key may still be used here.
	dataKeyAge = 10 * time.Second
	// dataKeyLimit bounds how many are kept in memory.
	dataKeyLimit = 10_000
	// erasedID stands in a key id for the key of a person who was erased.
	erasedID = "erased"
	// nobody owns the traces of callers that nobody identified.
	nobody = "nobody"
)

// dataKeys hands out the keys that seal one person's fields, from one vault.
type dataKeys struct {
	vault *Vault
	mu    sync.Mutex
	known map[string]dataKey
}

type dataKey struct {
	// id is "<service>.<kind>.<person>.<random>"; the last part changes when a key is made anew.
	id    string
	aead  tink.AEAD
	until time.Time
}

func newDataKeys(v *Vault) *dataKeys { return &dataKeys{vault: v, known: map[string]dataKey{}} }

func keyKind(p eventv1.Personal) string { return strings.ToLower(p.String()) }

// keyOwner is the name a person's or caller's keys are kept under.
func keyOwner(id string) string {
	switch {
	case id == "":
		return nobody
	case token.MatchString(id):
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// seal is the key that seals what concerns owner; it is made when there is none, and ErrErased if owner was erased.
func (d *dataKeys) seal(ctx context.Context, p eventv1.Personal, owner string) (dataKey, error) {
	kind := keyKind(p)
	if k, ok := d.kept(kind + "." + owner); ok {
		return k, nil
	}
	for {
		entry, secret, _, err := d.vault.read(ctx, kind, owner)
		if err == nil {
			return d.keep(kind, owner, entry.GetId(), secret)
		}
		if !errors.Is(err, ErrNoSecret) {
			return dataKey{}, err
		}
		if entry != nil {
			return dataKey{id: d.id(kind, owner, erasedID)}, ErrErased
		}
		secret = make([]byte, dataKeySize)
		_, _ = rand.Read(secret)
		free := uint64(0)
		if entry, err = d.vault.store(ctx, kind, owner, secret, &free); err == nil {
			return d.keep(kind, owner, entry.GetId(), secret)
		}
		if !errors.Is(err, ErrSecretExists) {
			return dataKey{}, err
		}
	}
}

// open is the key an id names, or ErrErased if it is no more.
func (d *dataKeys) open(ctx context.Context, id string) (dataKey, error) {
	parts := strings.Split(id, ".")
	if len(parts) != 4 || parts[0] != d.vault.service {
		return dataKey{}, fmt.Errorf("%w: key id %q", ErrCorrupt, id)
	}
	kind, owner := parts[1], parts[2]
	k, ok := d.kept(kind + "." + owner)
	if !ok || k.id != id {
		entry, secret, _, err := d.vault.read(ctx, kind, owner)
		if errors.Is(err, ErrNoSecret) {
			return dataKey{}, ErrErased
		}
		if err != nil {
			return dataKey{}, err
		}
		if k, err = d.keep(kind, owner, entry.GetId(), secret); err != nil {
			return dataKey{}, err
		}
	}
	if k.id != id {
		return dataKey{}, ErrErased
	}
	return k, nil
}

func (d *dataKeys) id(kind, owner, random string) string {
	return d.vault.service + "." + kind + "." + owner + "." + random
}

func (d *dataKeys) kept(name string) (dataKey, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, ok := d.known[name]
	return k, ok && time.Now().Before(k.until)
}

func (d *dataKeys) keep(kind, owner, random string, secret []byte) (dataKey, error) {
	a, err := subtle.NewAESGCM(secret)
	if err != nil {
		return dataKey{}, fmt.Errorf("data key of %s: %w", kind, err)
	}
	k := dataKey{d.id(kind, owner, random), a, time.Now().Add(dataKeyAge)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= dataKeyLimit {
		clear(d.known)
	}
	d.known[kind+"."+owner] = k
	return k, nil
}

func (d *dataKeys) forget(owner string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range personals {
		delete(d.known, keyKind(p)+"."+owner)
	}
}

var personals = []eventv1.Personal{eventv1.Personal_PROFILE, eventv1.Personal_TRACE}

// ErasePeople destroys this service's keys of these people, so that nobody can read their sealed values again, and
// answers the ids of the keys that were. Nothing is sealed for them from here on: what would be is left out.
func (v *Vault) ErasePeople(ctx context.Context, people ...string) ([]string, error) {
	var gone []string
	for _, person := range people {
		owner := keyOwner(person)
		v.dataKeys.forget(owner)
		for _, p := range personals {
			kind := keyKind(p)
			entry, _, _, err := v.read(ctx, kind, owner)
			switch {
			case err == nil:
				gone = append(gone, v.dataKeys.id(kind, owner, entry.GetId()))
			case !errors.Is(err, ErrNoSecret):
				return gone, err
			case entry != nil:
				continue
			}
			if err := v.bury(ctx, kind, owner); err != nil {
				return gone, err
			}
		}
		v.dataKeys.forget(owner)
	}
	return gone, v.Rotate(ctx)
}

// bury removes a key and leaves an empty entry in its place.
func (v *Vault) bury(ctx context.Context, kind, owner string) error {
	for {
		if err := v.remove(ctx, kind, owner); err != nil {
			return err
		}
		free := uint64(0)
		if _, err := v.store(ctx, kind, owner, nil, &free); !errors.Is(err, ErrSecretExists) {
			return err
		}
	}
}
