package eventlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/secret"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

func keyFile(t testing.TB) *secret.KeyFile {
	t.Helper()
	k, err := secret.EnsureKeyFile(filepath.Join(t.TempDir(), "keys", "service.key"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func openVault(t testing.TB, nc *nats.Conn, o eventlog.VaultOptions) *eventlog.Vault {
	t.Helper()
	v, err := eventlog.OpenVault(within(t), nc, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// inFiles says whether any file below dir holds these bytes.
func inFiles(t testing.TB, dir string, wanted []byte) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, wanted)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// wrapped is the ciphertext a vault's stream holds under a name.
func wrapped(t testing.TB, nc *nats.Conn, service, kind, id string) []byte {
	t.Helper()
	m, err := nc.Request(fmt.Sprintf("$JS.API.DIRECT.GET.VAULT_%s.vault.%s.%s.%s", strings.ToUpper(service), service, kind, id), nil, patience)
	if err != nil {
		t.Fatal(err)
	}
	return m.Data
}

func TestAVaultKeepsAndErases(t *testing.T) { // D11, L6
	dir := t.TempDir()
	nc := connect(t, startIn(t, dir))
	provision(t, nc)
	keys := keyFile(t)
	v := openVault(t, nc, eventlog.VaultOptions{Service: "issuance", Keys: keys})
	ctx := within(t)

	for i := range 20 {
		if err := v.Put(ctx, "signing", fmt.Sprint(i), fmt.Appendf(nil, "clear secret %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := v.Get(ctx, "signing", "7"); err != nil || string(got) != "clear secret 7" {
		t.Fatalf("%q %v", got, err)
	}
	if err := v.Create(ctx, "signing", "7", []byte("x")); !errors.Is(err, eventlog.ErrSecretExists) {
		t.Fatalf("got %v", err)
	}
	if _, err := v.Get(ctx, "signing", "none"); !errors.Is(err, eventlog.ErrNoSecret) {
		t.Fatalf("got %v", err)
	}
	for _, bad := range []string{"", "a.b", "*", ">", "a b"} {
		if err := v.Put(ctx, "signing", bad, []byte("x")); err == nil {
			t.Fatalf("%q names a secret", bad)
		}
	}
	if inFiles(t, dir, []byte("clear secret")) {
		t.Fatal("a secret lies in the server's files unwrapped")
	}

	erased, replaced := wrapped(t, nc, "issuance", "signing", "7")[20:], wrapped(t, nc, "issuance", "signing", "8")
	copied := new(eventv1.VaultEntry)
	if err := proto.Unmarshal(wrapped(t, nc, "issuance", "signing", "7"), copied); err != nil {
		t.Fatal(err)
	}
	if !inFiles(t, dir, erased) {
		t.Fatal("the search finds nothing that is there")
	}
	before := keys.Wrapping("issuance")
	if err := v.Erase(ctx, "signing", "7", "none"); err != nil {
		t.Fatal(err)
	}
	if inFiles(t, dir, erased) {
		t.Fatal("erased bytes are still in the server's files")
	}
	if _, err := v.Get(ctx, "signing", "7"); !errors.Is(err, eventlog.ErrNoSecret) {
		t.Fatalf("got %v", err)
	}
	// What a backup or a replica's log still holds of it stays shut.
	for name, text := range map[string][]byte{"the old key": before, "the new key": keys.Wrapping("issuance")} {
		handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		a, err := aead.New(handle)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Decrypt(copied.GetCiphertext(), []byte("vault.issuance.signing.7#"+copied.GetId()))
		if opens := err == nil; opens != (name == "the old key") {
			t.Fatalf("%s opens a copy: %v", name, opens)
		}
	}
	if bytes.Equal(replaced, wrapped(t, nc, "issuance", "signing", "8")) {
		t.Fatal("what was not erased is still wrapped by the old key")
	}
	fresh, err := secret.OpenKeyFile(keys.Path())
	if err != nil {
		t.Fatal(err)
	}
	again := openVault(t, connectTo(t, nc), eventlog.VaultOptions{Service: "issuance", Keys: fresh})
	for i := range 20 {
		got, err := again.Get(ctx, "signing", fmt.Sprint(i))
		if i != 7 && (err != nil || string(got) != fmt.Sprintf("clear secret %d", i)) {
			t.Fatalf("%d: %q %v", i, got, err)
		}
	}
	if ids, err := v.List(ctx, "signing"); err != nil || len(ids) != 19 || ids[0] != "0" {
		t.Fatalf("%v %v", ids, err)
	}
	// Another key file opens nothing.
	if _, err := eventlog.OpenVault(ctx, nc, eventlog.VaultOptions{Service: "issuance", Keys: keyFile(t)}); !errors.Is(err, eventlog.ErrUnwrap) {
		t.Fatalf("got %v", err)
	}
	stranger := openVault(t, nc, eventlog.VaultOptions{Service: "issuance", Keys: keyFile(t), Foreign: true})
	if _, err := stranger.Get(ctx, "signing", "8"); !errors.Is(err, eventlog.ErrUnwrap) {
		t.Fatalf("got %v", err)
	}
}

// breaking is a key store that fails after so many changes.
type breaking struct {
	*secret.KeyFile
	left int
}

func (b *breaking) ReplaceWrapping(service string, keyset []byte) error {
	if b.left--; b.left < 0 {
		return errors.New("the process died here")
	}
	return b.KeyFile.ReplaceWrapping(service, keyset)
}

func TestAChangeOfTheWrappingKeyGoesOnWhereItBroke(t *testing.T) { // D11
	nc := connect(t, startOne(t))
	provision(t, nc)
	ctx, file := within(t), keyFile(t)
	v := openVault(t, nc, eventlog.VaultOptions{Service: "issuance", Keys: file})
	for i := range 20 {
		if err := v.Put(ctx, "sink", fmt.Sprint(i), []byte("value")); err != nil {
			t.Fatal(err)
		}
	}
	readable := func(when string) {
		again, err := secret.OpenKeyFile(file.Path())
		if err != nil {
			t.Fatal(err)
		}
		fresh := openVault(t, nc, eventlog.VaultOptions{Service: "issuance", Keys: again})
		for i := range 20 {
			if _, err := fresh.Get(ctx, "sink", fmt.Sprint(i)); err != nil {
				t.Fatalf("%s: %d: %v", when, i, err)
			}
		}
	}
	for left := range 2 {
		own, err := secret.OpenKeyFile(file.Path())
		if err != nil {
			t.Fatal(err)
		}
		dying := openVault(t, nc, eventlog.VaultOptions{Service: "issuance", Keys: &breaking{own, left}})
		if err := dying.Rotate(ctx); err == nil {
			t.Fatal("nothing broke")
		}
		readable(fmt.Sprintf("broken after %d changes", left))
	}
	if err := v.Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	readable("at the end")
	if err := file.Reload(); err != nil || bytes.Count(file.Wrapping("issuance"), []byte(`"keyId"`)) != 1 {
		t.Fatalf("an old key is still there: %v", err)
	}
}

func TestWhatIsStoredWhileTheWrappingKeyChangesStaysReadable(t *testing.T) {
	nc := connect(t, startOne(t))
	provision(t, nc)
	ctx := within(t)
	file := keyFile(t)
	processes := make([]*eventlog.Vault, 3)
	for i := range processes {
		own, err := secret.OpenKeyFile(file.Path())
		if err != nil {
			t.Fatal(err)
		}
		processes[i] = openVault(t, nc, eventlog.VaultOptions{Service: "issuance", Keys: own})
	}
	var wg sync.WaitGroup
	for p, v := range processes {
		wg.Go(func() {
			for i := range 40 {
				if err := v.Put(ctx, "sink", fmt.Sprintf("%d-%d", p, i), []byte("value")); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 3 {
				if err := v.Rotate(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for p := range processes {
		for i := range 40 {
			if _, err := processes[0].Get(ctx, "sink", fmt.Sprintf("%d-%d", p, i)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAnAuditorReadsAForeignVaultByName(t *testing.T) {
	nc := connect(t, startOne(t))
	provision(t, nc)
	keys := keyFile(t)
	own := openVault(t, nc, eventlog.VaultOptions{Service: "identity", Keys: keys})
	if err := own.Put(within(t), "profile", "p", []byte("k")); err != nil {
		t.Fatal(err)
	}
	foreign := openVault(t, nc, eventlog.VaultOptions{Service: "identity", Keys: keys, Foreign: true})
	if got, err := foreign.Get(within(t), "profile", "p"); err != nil || string(got) != "k" {
		t.Fatalf("%q %v", got, err)
	}
}

// TestServicesThatShareAKeyFileKeepTheirSecrets has one of them erase, which changes its wrapping key alone.
func TestServicesThatShareAKeyFileKeepTheirSecrets(t *testing.T) {
	nc := connect(t, startOne(t))
	provision(t, nc)
	ctx := within(t)
	file := keyFile(t)
	open := func(service string) *eventlog.Vault {
		own, err := secret.OpenKeyFile(file.Path())
		if err != nil {
			t.Fatal(err)
		}
		return openVault(t, nc, eventlog.VaultOptions{Service: service, Keys: own})
	}
	identity, issuance := open("identity"), open("issuance")
	for _, v := range []*eventlog.Vault{identity, issuance} {
		if err := v.Put(ctx, "signing", "k", []byte("secret")); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for _, v := range []*eventlog.Vault{identity, issuance} {
		wg.Go(func() {
			for range 3 {
				if _, err := v.ErasePeople(ctx, "p"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, v := range []*eventlog.Vault{identity, issuance, open("identity"), open("issuance")} {
		if got, err := v.Get(ctx, "signing", "k"); err != nil || string(got) != "secret" {
			t.Errorf("%q %v", got, err)
		}
	}
}
