// Package login keeps who is signed in to the command line: tokens in a file that only its owner reads, bound to a key that lies
// beside them, so that neither works on another machine by itself.
package login

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Client is the name of the command line at the authorization server.
const Client = "chancery-cli"

// ErrNone says that nobody is signed in there.
var ErrNone = errors.New("nobody is signed in here: chancery login")

// Login is one person signed in at one portal. Safe for concurrent use.
type Login struct {
	Portal       string          `json:"portal"`
	AccessToken  string          `json:"access_token"`
	RefreshToken string          `json:"refresh_token"`
	ExpiresAt    time.Time       `json:"expires_at"`
	Key          jose.JSONWebKey `json:"key"`

	path   string
	nonces map[string]string // by origin and path, of the newest answer
	mu     sync.Mutex
}

// Path is where the login of this person is kept: CHANCERY_LOGIN_FILE, or a file below the folder for configuration.
func Path() (string, error) {
	if at := os.Getenv("CHANCERY_LOGIN_FILE"); at != "" {
		return at, nil
	}
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "chancery", "login.json"), err
}

// New begins a login at a portal, with a key of its own.
func New(portal, path string) (*Login, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &Login{Portal: strings.TrimSuffix(portal, "/"), Key: jose.JSONWebKey{Key: key}, path: path}, err
}

// Load reads a login. One that others may read is refused.
func Load(path string) (*Login, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others: chmod 600 it, or sign in again", path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	l := &Login{path: path}
	if err := json.Unmarshal(raw, l); err != nil || l.Portal == "" || l.Key.Key == nil {
		return nil, fmt.Errorf("%s is no login: %w", path, errors.Join(err, ErrNone))
	}
	return l, nil
}

// save replaces the file at once or not at all.
func (l *Login) save() error {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return err
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(l.path), ".login-*") // readable by its owner alone
	if err != nil {
		return err
	}
	_, err = next.Write(raw)
	if err = errors.Join(err, next.Sync(), next.Close()); err == nil {
		err = os.Rename(next.Name(), l.path)
	}
	if err != nil {
		_ = os.Remove(next.Name())
	}
	return err
}

// Refusal is an error body of RFC 6749 §5.2.
type Refusal struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (r *Refusal) Error() string { return strings.TrimSuffix(r.Code+": "+r.Description, ": ") }

// post asks an OAuth endpoint with a proof of the login's key.
func (l *Login) post(ctx context.Context, path string, form url.Values, out any) error {
	form.Set("client_id", Client)
	for {
		at := l.Portal + path
		before := l.nonce(at)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if err := l.prove(r, ""); err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		response.Body.Close()
		if err != nil {
			return err
		}
		l.learn(at, response)
		if response.StatusCode == http.StatusOK {
			return json.Unmarshal(raw, out)
		}
		refusal := &Refusal{Code: response.Status}
		_ = json.Unmarshal(raw, refusal)
		if refusal.Code != "use_dpop_nonce" || l.nonce(at) == before {
			return refusal
		}
	}
}

type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"`
}

// Redeem takes the tokens of a grant and keeps them.
func (l *Login) Redeem(ctx context.Context, form url.Values) error {
	var t tokens
	if err := l.post(ctx, "/oauth2/token", form, &t); err != nil {
		return err
	}
	l.AccessToken, l.RefreshToken, l.ExpiresAt = t.AccessToken, t.RefreshToken, time.Now().Add(time.Duration(t.ExpiresIn)*time.Second)
	return l.save()
}

// Token is an access token that lives a while yet, refreshed if need be.
func (l *Login) Token(ctx context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Until(l.ExpiresAt) > 15*time.Second {
		return l.AccessToken, nil
	}
	err := l.Redeem(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {l.RefreshToken}})
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return "", fmt.Errorf("%w (%w)", ErrNone, refusal)
	}
	return l.AccessToken, err
}

// End revokes the login at the server and forgets it here, the latter in any case.
func (l *Login) End(ctx context.Context) error {
	err := l.post(ctx, "/oauth2/revoke", url.Values{"token": {l.RefreshToken}}, &struct{}{})
	return errors.Join(err, os.Remove(l.path))
}
