package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// wrappingSet is the wrapping keyset as it is now.
type wrappingSet struct {
	handle  *keyset.Handle
	aead    tink.AEAD
	primary string
}

func (v *Vault) keyset() (wrappingSet, error) {
	return parseKeyset(v.keys.Wrapping(v.service))
}

// ensureKeyset makes the first wrapping key. It makes none for a vault that holds secrets: theirs is elsewhere, and a new
// one would hide that.
func (v *Vault) ensureKeyset(ctx context.Context) error {
	unlock, err := v.keys.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := v.keys.Reload(); err != nil {
		return err
	}
	if v.keys.Wrapping(v.service) != nil {
		_, err := v.keyset()
		return err
	}
	names, err := v.subjects(ctx, "vault."+v.service+".>")
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("%w: vault %s holds %d and the key store has no key of it; is it another service's, or a new one?", ErrUnwrap, v.service, len(names))
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	_, err = v.replace(handle)
	return err
}

func (v *Vault) reloaded() (wrappingSet, error) {
	if err := v.keys.Reload(); err != nil {
		return wrappingSet{}, err
	}
	return v.keyset()
}

func parseKeyset(text []byte) (wrappingSet, error) {
	if text == nil {
		return wrappingSet{}, fmt.Errorf("%w: the key store holds none for this vault", ErrUnwrap)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return wrappingSet{}, errors.New("the wrapping keyset is not a Tink keyset")
	}
	a, err := aead.New(handle)
	if err != nil {
		return wrappingSet{}, fmt.Errorf("wrapping keyset: %w", err)
	}
	primary, err := handle.Primary()
	if err != nil {
		return wrappingSet{}, fmt.Errorf("wrapping keyset: %w", err)
	}
	return wrappingSet{handle, a, strconv.FormatUint(uint64(primary.KeyID()), 10)}, nil
}

// Erase takes what is kept under these names away so that it cannot come back: the bytes leave the server's files, and
// the wrapping key changes, which closes every copy made before. Names that hold nothing are no error.
func (v *Vault) Erase(ctx context.Context, kind string, ids ...string) error {
	for _, id := range ids {
		if err := v.remove(ctx, kind, id); err != nil {
			return err
		}
	}
	return v.Rotate(ctx)
}

// remove deletes the message under a name, whatever is written there meanwhile.
func (v *Vault) remove(ctx context.Context, kind, id string) error {
	subject, err := v.subject(kind, id)
	if err != nil {
		return err
	}
	stream, err := v.server.js.Stream(ctx, vaultName(v.service))
	if err != nil {
		return err
	}
	for {
		m, err := v.server.fromLeader(ctx, vaultName(v.service), subject, 0)
		if errors.Is(err, errNoMessage) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SecureDeleteMsg(ctx, m.sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("erase %s: %w", subject, err)
		}
	}
}

// List is the ids kept under a kind, in order.
func (v *Vault) List(ctx context.Context, kind string) ([]string, error) {
	subjects, err := v.subjects(ctx, "vault."+v.service+"."+kind+".*")
	if err != nil {
		return nil, err
	}
	out := make([]string, len(subjects))
	for i, s := range subjects {
		out[i] = s[strings.LastIndexByte(s, '.')+1:]
	}
	sort.Strings(out)
	return out, nil
}

func (v *Vault) subjects(ctx context.Context, filter string) ([]string, error) {
	stream, err := v.server.js.Stream(ctx, vaultName(v.service))
	if err != nil {
		return nil, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(filter))
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(info.State.Subjects))
	for s := range info.State.Subjects {
		out = append(out, s)
	}
	return out, nil
}

// Rotate makes a new wrapping key, wraps everything by it, and forgets the old ones. It may be repeated after a failure
// at any point; nothing is ever without a key that opens it.
func (v *Vault) Rotate(ctx context.Context) error {
	unlock, err := v.keys.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	before, err := v.reloaded()
	if err != nil {
		return err
	}
	manager := keyset.NewManagerFromHandle(before.handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	if err := manager.SetPrimary(id); err != nil {
		return err
	}
	handle, err := manager.Handle()
	if err != nil {
		return err
	}
	both, err := v.replace(handle)
	if err != nil {
		return err
	}
	if err := v.rewrap(ctx, both); err != nil {
		return err
	}
	for i := range before.handle.Len() {
		old, err := before.handle.Entry(i)
		if err != nil {
			return err
		}
		if err := manager.Delete(old.KeyID()); err != nil {
			return err
		}
	}
	if handle, err = manager.Handle(); err != nil {
		return err
	}
	if _, err := v.replace(handle); err != nil {
		return err
	}
	// What another process wrapped by an old key while it was being replaced: the old keys are in hand for this last time.
	return v.rewrap(ctx, both)
}

func (v *Vault) replace(handle *keyset.Handle) (wrappingSet, error) {
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return wrappingSet{}, err
	}
	if err := v.keys.ReplaceWrapping(v.service, bytes.TrimSpace(text.Bytes())); err != nil {
		return wrappingSet{}, err
	}
	return parseKeyset(text.Bytes())
}

// rewrap wraps everything that is not wrapped by the primary key of set by it.
func (v *Vault) rewrap(ctx context.Context, set wrappingSet) error {
	subjects, err := v.subjects(ctx, "vault."+v.service+".>")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, rewrapsAtOnce)
	for _, subject := range subjects {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := v.rewrapOne(ctx, subject, set); err != nil {
				stop(fmt.Errorf("wrap %s anew: %w", subject, err))
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// rewrapsAtOnce bounds the requests in flight while everything is wrapped anew.
const rewrapsAtOnce = 16

func (v *Vault) rewrapOne(ctx context.Context, subject string, set wrappingSet) error {
	for {
		m, err := v.server.fromLeader(ctx, vaultName(v.service), subject, 0)
		if errors.Is(err, errNoMessage) {
			return nil
		}
		if err != nil {
			return err
		}
		entry := new(eventv1.VaultEntry)
		if err := proto.Unmarshal(m.body, entry); err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		if len(entry.GetCiphertext()) == 0 || entry.GetWrappingKey() == set.primary {
			return nil
		}
		secret, err := set.aead.Decrypt(entry.GetCiphertext(), boundTo(subject, entry.GetId()))
		if err != nil {
			return fmt.Errorf("%w: wrapped by %s", ErrUnwrap, entry.GetWrappingKey())
		}
		entry.WrappingKey = set.primary
		if entry.Ciphertext, err = set.aead.Encrypt(secret, boundTo(subject, entry.GetId())); err != nil {
			return err
		}
		if _, err = v.write(ctx, subject, entry, &m.sequence); !errors.Is(err, ErrSecretExists) {
			return err
		}
	}
}
