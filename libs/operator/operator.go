// Package operator keeps the keys from which the accounts and users of a NATS server follow (decentralised JWT
// authentication): who holds the operator's key decides who there is, and whoever is revoked loses the connection.
package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// Operator signs the accounts and users of one access. It is safe for concurrent use.
type Operator struct {
	dir      string
	access   eventlog.Access
	key      nkeys.KeyPair
	accounts map[string]nkeys.KeyPair
	users    map[string]nkeys.KeyPair
	mu       sync.Mutex
	// revoked are user keys, and those issued before which time, by account.
	revoked map[string]map[string]time.Time
}

// Ensure reads the keys of the operator and of every account and user of an access from dir, mode 0600, and makes those
// that are missing.
func Ensure(dir string, access eventlog.Access) (*Operator, error) {
	o := &Operator{dir: dir, access: access, accounts: map[string]nkeys.KeyPair{}, users: map[string]nkeys.KeyPair{},
		revoked: map[string]map[string]time.Time{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if o.key, err = ensure(filepath.Join(dir, "operator.nk"), nkeys.CreateOperator); err != nil {
		return nil, err
	}
	for _, a := range access.Accounts {
		if o.accounts[a.Name], err = ensure(filepath.Join(dir, "account_"+a.Name+".nk"), nkeys.CreateAccount); err != nil {
			return nil, err
		}
	}
	for _, u := range access.Users {
		if o.users[u.Name], err = ensure(filepath.Join(dir, "user_"+u.Name+".nk"), nkeys.CreateUser); err != nil {
			return nil, err
		}
	}
	content, err := os.ReadFile(o.revocations())
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content, &o.revoked); err != nil {
		return nil, fmt.Errorf("%s: not a list of revoked users", o.revocations())
	}
	return o, nil
}

func (o *Operator) revocations() string { return filepath.Join(o.dir, "revoked.json") }

func ensure(path string, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, error) {
	seed, err := os.ReadFile(path)
	if err == nil {
		if s, err := os.Stat(path); err == nil && s.Mode().Perm()&0o077 != 0 {
			return nil, fmt.Errorf("%s: mode %04o lets others read it, must be 0600 (chmod 600 %[1]s)", path, s.Mode().Perm())
		}
		pair, err := nkeys.FromSeed(seed)
		if err != nil {
			return nil, fmt.Errorf("%s: not a NATS key", path)
		}
		return pair, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
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
		return ensure(path, create)
	}
	if err != nil {
		return nil, err
	}
	_, err = f.Write(seed)
	return pair, errors.Join(err, f.Sync(), f.Close())
}

// Grant is a user made while the server runs.
type Grant struct {
	Account, Name string
	// PublicKey is the user's own; empty makes one.
	PublicKey string
	// Publish and Subscribe are the only subjects it may use.
	Publish, Subscribe []string
	// Expires ends it; the zero time never does.
	Expires time.Time
}

// Issued is what a user connects with.
type Issued struct {
	PublicKey string
	// Creds is the content of a credentials file; without a key of our making it holds the token alone.
	Creds []byte
}

// Issue makes a user of an account.
func (o *Operator) Issue(g Grant) (Issued, error) {
	account, ok := o.accounts[g.Account]
	if !ok {
		return Issued{}, fmt.Errorf("no NATS account %q", g.Account)
	}
	if len(g.Publish) == 0 || len(g.Subscribe) == 0 {
		return Issued{}, errors.New("a NATS user without subjects of its own would have all of its account's")
	}
	out := Issued{PublicKey: g.PublicKey}
	var seed []byte
	if g.PublicKey == "" {
		pair, err := nkeys.CreateUser()
		if err != nil {
			return Issued{}, err
		}
		if seed, err = pair.Seed(); err != nil {
			return Issued{}, err
		}
		if out.PublicKey, err = pair.PublicKey(); err != nil {
			return Issued{}, err
		}
	}
	token, err := userToken(account, out.PublicKey, eventlog.User{Name: g.Name, Publish: g.Publish, Subscribe: g.Subscribe}, g.Expires)
	if err != nil {
		return Issued{}, err
	}
	if out.Creds = []byte(token); seed != nil {
		out.Creds, err = jwt.FormatUserConfig(token, seed)
	}
	return out, err
}

// Creds is the credentials file of a user of the access.
func (o *Operator) Creds(name string) ([]byte, error) {
	for _, u := range o.access.Users {
		if u.Name != name {
			continue
		}
		pair := o.users[name]
		public, err := pair.PublicKey()
		if err != nil {
			return nil, err
		}
		token, err := userToken(o.accounts[u.Account], public, u, time.Time{})
		if err != nil {
			return nil, err
		}
		seed, err := pair.Seed()
		if err != nil {
			return nil, err
		}
		return jwt.FormatUserConfig(token, seed)
	}
	return nil, fmt.Errorf("no NATS user %q", name)
}

// As connects as a user of the access, listening for answers where that user alone may.
func (o *Operator) As(name string) nats.Option {
	return func(to *nats.Options) error {
		creds, err := o.Creds(name)
		if err != nil {
			return err
		}
		if err := nats.UserCredentialBytes(creds)(to); err != nil {
			return err
		}
		return nats.CustomInboxPrefix(eventlog.InboxPrefix(name))(to)
	}
}

func userToken(account nkeys.KeyPair, public string, u eventlog.User, expires time.Time) (string, error) {
	claims := jwt.NewUserClaims(public)
	claims.Name = u.Name
	claims.Pub.Allow.Add(u.Publish...)
	claims.Sub.Allow.Add(u.Subscribe...)
	if !expires.IsZero() {
		claims.Expires = expires.Unix()
	}
	return encode(claims, account)
}

// Revoke ends every user of an account that was issued for a key so far, and closes its connections. System is a
// connection of the system account's user.
func (o *Operator) Revoke(ctx context.Context, system *nats.Conn, account, publicKey string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.revoked[account] == nil {
		o.revoked[account] = map[string]time.Time{}
	}
	o.revoked[account][publicKey] = time.Now()
	content, err := json.Marshal(o.revoked)
	if err != nil {
		return err
	}
	// First on disk: a restart between the two must not revive it.
	if err := replace(o.revocations(), content); err != nil {
		return err
	}
	_, token, err := o.account(account)
	if err != nil {
		return err
	}
	m, err := system.RequestWithContext(ctx, "$SYS.REQ.CLAIMS.UPDATE", []byte(token))
	if err != nil {
		return fmt.Errorf("revoke a NATS user: %w", err)
	}
	if !strings.Contains(string(m.Data), `"code":200`) {
		return fmt.Errorf("revoke a NATS user: %s", m.Data)
	}
	return nil
}

func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".revoked-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
