package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/operator"
)

// Users are the keys by which the users of a server's access are known to it. The server learns the public halves alone.
type Users struct{ seeds map[string][]byte }

// EnsureUsers reads the key of every user from "<user>.nk" below dir, mode 0600, and makes those that are missing.
func EnsureUsers(dir string, access eventlog.Access) (Users, error) {
	u := Users{map[string][]byte{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return u, explain(dir, err)
	}
	for _, user := range access.Users {
		seed, err := ensureSeed(filepath.Join(dir, user.Name+".nk"), nkeys.CreateUser)
		if err != nil {
			return u, err
		}
		u.seeds[user.Name] = seed
	}
	if access.Door != nil {
		seed, err := ensureSeed(DoorKey(dir), nkeys.CreateAccount)
		if err != nil {
			return u, err
		}
		u.seeds[eventlog.KeyDoor] = seed
	}
	return u, nil
}

// DoorKey is the file below dir with the key of the service that says who the server's strangers are.
func DoorKey(dir string) string { return filepath.Join(dir, eventlog.KeyDoor+".nk") }

func ensureSeed(path string, create func() (nkeys.KeyPair, error)) ([]byte, error) {
	seed, err := os.ReadFile(path)
	if err == nil {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			return nil, fmt.Errorf("%s: mode %04o lets others read it, must be 0600 (chmod 600 %[1]s)", path, info.Mode().Perm())
		}
		if _, err := nkeys.FromSeed(seed); err != nil {
			return nil, fmt.Errorf("%s: not a NATS key", path)
		}
		return seed, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, explain(path, err)
	}
	pair, err := create()
	if err != nil {
		return nil, err
	}
	if seed, err = pair.Seed(); err != nil {
		return nil, err
	}
	// Exclusive: of two processes that make the keys at once, one must lose.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return ensureSeed(path, create)
	}
	if err != nil {
		return nil, explain(path, err)
	}
	_, err = f.Write(seed)
	return seed, errors.Join(err, f.Sync(), f.Close())
}

// public is the key a user is known by.
func (u Users) public(name string) (string, error) {
	pair, err := nkeys.FromSeed(u.seeds[name])
	if err != nil {
		return "", fmt.Errorf("NATS user %q has no key", name)
	}
	return pair.PublicKey()
}

// As connects as one of the users, listening for answers where that user alone may.
func (u Users) As(name string) nats.Option {
	return func(o *nats.Options) error {
		public, err := u.public(name)
		if err != nil {
			return err
		}
		sign := func(nonce []byte) ([]byte, error) {
			pair, err := nkeys.FromSeed(u.seeds[name])
			if err != nil {
				return nil, err
			}
			defer pair.Wipe()
			return pair.Sign(nonce)
		}
		if err := nats.Nkey(public, sign)(o); err != nil {
			return err
		}
		return nats.CustomInboxPrefix(eventlog.InboxPrefix(name))(o)
	}
}

// Config is an access with its users' public keys as the text a NATS server reads in its configuration.
func (u Users) Config(access eventlog.Access) (string, error) {
	names := []string{}
	for _, user := range access.Users {
		names = append(names, user.Name)
	}
	if access.Door != nil {
		names = append(names, eventlog.KeyDoor)
	}
	keys := map[string]string{}
	for _, name := range names {
		public, err := u.public(name)
		if err != nil {
			return "", err
		}
		keys[name] = public
	}
	return access.Config(keys)
}

// configure gives a server the accounts of an access and its users.
func (u Users) configure(access eventlog.Access, to *server.Options) error {
	text, err := u.Config(access)
	if err != nil {
		return err
	}
	// As text, because the server makes what it reads itself ready to hold streams before it looks at its disk.
	if err := to.ProcessConfigString(text); err != nil {
		return fmt.Errorf("NATS accounts: %w", err)
	}
	return nil
}

// trust makes a server accept what an operator signed.
func trust(o *operator.Operator, dir string, to *server.Options) error {
	text, err := o.Config(dir)
	if err != nil {
		return err
	}
	if err := to.ProcessConfigString(text); err != nil {
		return fmt.Errorf("NATS operator: %w", err)
	}
	return nil
}
