package eventlog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

var (
	// ErrNoSecret says that a vault holds nothing under a name: it never did, or it was erased.
	ErrNoSecret = errors.New("the vault holds nothing under this name")
	// ErrSecretExists says that a vault holds something under a name already.
	ErrSecretExists = errors.New("the vault holds a secret under this name already")
	// ErrUnwrap says that a secret is there but none of the wrapping keys opens it.
	ErrUnwrap = errors.New("no wrapping key opens the secret")
)

// KeyStore keeps the keysets that wrap what vaults hold, one for each service, outside NATS. Several processes may share
// one.
type KeyStore interface {
	// Wrapping is the cleartext Tink keyset in JSON of a service, as last read or stored; nil if there is none.
	Wrapping(service string) []byte
	// Reload reads what another process may have stored.
	Reload() error
	// ReplaceWrapping stores another keyset of a service, durable on return, and forgets the old one. It is called under
	// Lock, after Reload.
	ReplaceWrapping(service string, keyset []byte) error
	// Lock keeps everybody else from changing a keyset until unlock.
	Lock() (unlock func(), err error)
}

// VaultOptions say whose vault is opened, and with what.
type VaultOptions struct {
	Service string
	Keys    KeyStore
	// Foreign opens another service's vault for reading alone, by name alone.
	Foreign bool
	// Replicas the stream must have; 0 means 1.
	Replicas int
}

// Vault keeps one service's reversible secrets, each wrapped by a key outside NATS. What is erased is gone from the
// server's files, and every copy made before is closed by the change of the wrapping key. It is safe for concurrent
// use by several processes that share the key store.
type Vault struct {
	server   *server
	service  string
	foreign  bool
	keys     KeyStore
	dataKeys *dataKeys
}

// OpenVault refuses a vault whose stream has other settings than the provisioned ones, or whose wrapping keyset cannot
// be used or is missing while secrets are there.
func OpenVault(ctx context.Context, nc *nats.Conn, o VaultOptions) (*Vault, error) {
	if !token.MatchString(o.Service) {
		return nil, fmt.Errorf("service name %q is not one subject token", o.Service)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, err := reach(ctx, nc)
	if err != nil {
		return nil, err
	}
	v := &Vault{server: s, service: o.Service, foreign: o.Foreign, keys: o.Keys}
	v.dataKeys = newDataKeys(v)
	if o.Keys == nil {
		return nil, errors.New("a vault without a key store")
	}
	if o.Foreign {
		return v, nil
	}
	if err := s.checkDrift(ctx, VaultStream(o.Service, o.Replicas)); err != nil {
		return nil, err
	}
	return v, v.ensureKeyset(ctx)
}

func (v *Vault) subject(kind, id string) (string, error) {
	if !token.MatchString(kind) || !token.MatchString(id) {
		return "", fmt.Errorf("%q, %q cannot name a secret: letters, digits, _ and - only", kind, id)
	}
	return "vault." + v.service + "." + kind + "." + id, nil
}

// Put keeps secret under a name, in place of what was there. The bytes replaced stay in the server's files, wrapped,
// until they are erased or the wrapping key changes.
func (v *Vault) Put(ctx context.Context, kind, id string, secret []byte) error {
	_, err := v.store(ctx, kind, id, secret, nil)
	return err
}

// Create is Put for a name that must be free; of several at once one succeeds, the others get ErrSecretExists.
func (v *Vault) Create(ctx context.Context, kind, id string, secret []byte) error {
	free := uint64(0)
	_, err := v.store(ctx, kind, id, secret, &free)
	return err
}

// Get is the secret under a name.
func (v *Vault) Get(ctx context.Context, kind, id string) ([]byte, error) {
	_, secret, _, err := v.read(ctx, kind, id)
	return secret, err
}

func (v *Vault) store(ctx context.Context, kind, id string, secret []byte, expected *uint64) (*eventv1.VaultEntry, error) {
	entry := &eventv1.VaultEntry{Id: randomID()}
	for again := false; ; again = true {
		subject, err := v.subject(kind, id)
		if err != nil {
			return nil, err
		}
		set, err := v.reloaded()
		if err != nil {
			return nil, err
		}
		if len(secret) > 0 {
			entry.WrappingKey = set.primary
			if entry.Ciphertext, err = set.aead.Encrypt(secret, boundTo(subject, entry.GetId())); err != nil {
				return nil, err
			}
		}
		at, err := v.write(ctx, subject, entry, expected)
		if again && errors.Is(err, ErrSecretExists) {
			// Whoever changed the wrapping key got to it first, or wrote something newer.
			return entry, nil
		}
		if err != nil {
			return nil, err
		}
		// The wrapping key may have changed between its reading and the write, and whoever changed it may have looked
		// for what to wrap anew before this was there.
		if now, err := v.reloaded(); err != nil || now.primary == set.primary || len(secret) == 0 {
			return entry, err
		}
		expected = &at
	}
}

// write stores an entry; expected is the sequence of the one it replaces, nil for whatever is there.
func (v *Vault) write(ctx context.Context, subject string, entry *eventv1.VaultEntry, expected *uint64) (uint64, error) {
	body, err := proto.Marshal(entry)
	if err != nil {
		return 0, err
	}
	m := &nats.Msg{Subject: subject, Data: body, Header: nats.Header{
		jetstream.MsgIDHeader:          {entry.GetId() + entry.GetWrappingKey()},
		jetstream.ExpectedStreamHeader: {vaultName(v.service)},
	}}
	if expected != nil {
		m.Header[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(*expected, 10)}
	}
	at, err := v.server.publish(ctx, m, func(ctx context.Context) (uint64, error) {
		last, err := v.server.fromLeader(ctx, vaultName(v.service), subject, 0)
		if errors.Is(err, errNoMessage) {
			return 0, nil
		}
		if err != nil || string(last.body) != string(body) {
			return 0, err
		}
		return last.sequence, nil
	})
	if errors.Is(err, errStale) {
		return 0, fmt.Errorf("%w: %s", ErrSecretExists, subject)
	}
	return at, err
}

// read is the entry under a name, what it holds, and its sequence.
func (v *Vault) read(ctx context.Context, kind, id string) (*eventv1.VaultEntry, []byte, uint64, error) {
	subject, err := v.subject(kind, id)
	if err != nil {
		return nil, nil, 0, err
	}
	stream := vaultName(v.service)
	m, err := v.server.direct(ctx, stream, subject, 0)
	if errors.Is(err, errNoMessage) && !v.foreign {
		m, err = v.server.fromLeader(ctx, stream, subject, 0)
	}
	if errors.Is(err, errNoMessage) {
		return nil, nil, 0, fmt.Errorf("%w: %s", ErrNoSecret, subject)
	}
	if err != nil {
		return nil, nil, 0, err
	}
	entry := new(eventv1.VaultEntry)
	if err := proto.Unmarshal(m.body, entry); err != nil {
		return nil, nil, 0, fmt.Errorf("%w: %s: %w", ErrCorrupt, subject, err)
	}
	if len(entry.GetCiphertext()) == 0 {
		return entry, nil, m.sequence, fmt.Errorf("%w: %s", ErrNoSecret, subject)
	}
	secret, err := v.unwrap(subject, entry)
	return entry, secret, m.sequence, err
}

func (v *Vault) unwrap(subject string, entry *eventv1.VaultEntry) ([]byte, error) {
	for _, keyset := range []func() (wrappingSet, error){v.keyset, v.reloaded} {
		if set, err := keyset(); err == nil {
			if secret, err := set.aead.Decrypt(entry.GetCiphertext(), boundTo(subject, entry.GetId())); err == nil {
				return secret, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: %s, wrapped by %s", ErrUnwrap, subject, entry.GetWrappingKey())
}

// boundTo is what an encrypted secret is authenticated with: it opens under its own name alone.
func boundTo(subject, id string) []byte { return []byte(subject + "#" + id) }

func randomID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
