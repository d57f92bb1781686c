// Package openbao speaks the HTTP interface that OpenBao and HashiCorp Vault share, as far as it is needed here.
package openbao

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/chancery-dev/chancery/libs/secret"
)

// Options say which server is spoken to and how.
type Options struct {
	// URL of the server: https, or http on a loopback address.
	URL string
	// TokenFile holds a token and is read for every call, so that an agent may renew it. Or RoleID and SecretIDFile log in.
	TokenFile, RoleID, SecretIDFile string
	// CAFile holds the certificates the server is trusted by; empty means the system's.
	CAFile string
	// Namespace is empty for the root.
	Namespace string
	// Timeout bounds one call; 0 is five seconds.
	Timeout time.Duration
}

const maxAnswer = 1 << 20

// Client calls one server and no other: it follows no redirect and uses no proxy. After five failures in a row it waits ten
// seconds before it asks again. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	o       Options
	http    *http.Client
	breaker *gobreaker.CircuitBreaker[[]byte]

	mu    sync.Mutex
	token secret.String
	until time.Time
}

// Error is an answer that is no success.
type Error struct {
	Status int
	Body   []byte
}

// Error names the status alone: a body may quote what was sent.
func (e *Error) Error() string { return fmt.Sprintf("the secret store answers %d", e.Status) }

// Temporary says that the same call may succeed later.
func (e *Error) Temporary() bool {
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout || e.Status == 472 || e.Status == 473
}

// New checks the options and calls nothing.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("the secret store's URL is not https://host[:port]")
	}
	if ip := net.ParseIP(base.Hostname()); base.Scheme != "https" && (base.Scheme != "http" || ip == nil || !ip.IsLoopback()) {
		return nil, errors.New("the secret store's URL is https, or http on a loopback address")
	}
	if (o.TokenFile == "") == (o.RoleID == "") || (o.RoleID == "") != (o.SecretIDFile == "") {
		return nil, errors.New("the secret store is entered by a token file, or by a role id and a file with its secret id")
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, err
		}
		if trust.RootCAs = x509.NewCertPool(); !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", o.CAFile)
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	return &Client{
		base: base, o: o,
		http: &http.Client{
			Timeout: o.Timeout, Transport: &http.Transport{TLSClientConfig: trust, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		breaker: gobreaker.NewCircuitBreaker[[]byte](gobreaker.Settings{
			Name: base.Host, Timeout: 10 * time.Second,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 },
			IsSuccessful: func(err error) bool {
				var answered *Error
				return err == nil || errors.Is(err, context.Canceled) || errors.As(err, &answered) && !answered.Temporary()
			},
		}),
	}, nil
}

// Call sends in, if it is not nil, to a path below /v1/ and reads the answer into out, if it is not nil.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	token, err := c.authority(ctx)
	if err != nil {
		return err
	}
	err = c.call(ctx, method, path, token, in, out)
	var failed *Error
	if errors.As(err, &failed) && failed.Status == http.StatusForbidden && c.o.RoleID != "" {
		c.forget(token) // it may have been revoked before its time
		if token, err = c.authority(ctx); err == nil {
			err = c.call(ctx, method, path, token, in, out)
		}
	}
	return err
}

func (c *Client) call(ctx context.Context, method, path string, token secret.String, in, out any) error {
	if strings.Contains(path, "..") || strings.ContainsAny(path, "?#%\\") {
		return fmt.Errorf("%q is no path", path)
	}
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	answer, err := c.breaker.Execute(func() ([]byte, error) { return c.send(ctx, method, path, token, body) })
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return errors.New("the secret store's answer cannot be read")
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, token secret.String, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath("v1", path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Vault-Request", "true")
	if !token.IsZero() {
		r.Header.Set("X-Vault-Token", token.Reveal())
	}
	if c.o.Namespace != "" {
		r.Header.Set("X-Vault-Namespace", c.o.Namespace)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(answer) > maxAnswer:
		return nil, errors.New("the secret store's answer is too large")
	case response.StatusCode/100 != 2:
		return nil, &Error{response.StatusCode, answer}
	}
	return answer, nil
}

// authority is the token in force.
func (c *Client) authority(ctx context.Context) (secret.String, error) {
	if c.o.TokenFile != "" {
		return readSecret(c.o.TokenFile)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.until) {
		return c.token, nil
	}
	id, err := readSecret(c.o.SecretIDFile)
	if err != nil {
		return secret.String{}, err
	}
	var login struct {
		Auth struct {
			Token secret.String `json:"client_token"`
			Lease int           `json:"lease_duration"`
		} `json:"auth"`
	}
	in := map[string]string{"role_id": c.o.RoleID, "secret_id": id.Reveal()}
	if err := c.call(ctx, http.MethodPost, "auth/approle/login", secret.String{}, in, &login); err != nil {
		return secret.String{}, err
	}
	c.token, c.until = login.Auth.Token, time.Now().Add(time.Duration(login.Auth.Lease)*time.Second*4/5)
	return c.token, nil
}

func (c *Client) forget(token secret.String) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token.Equal(token) {
		c.until = time.Time{}
	}
}

// readSecret reads a file that others may not.
func readSecret(path string) (secret.String, error) {
	info, err := os.Stat(path)
	if err != nil {
		return secret.String{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return secret.String{}, fmt.Errorf("%s: mode %04o lets others read it, must be 0600", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	return secret.New(strings.TrimSpace(string(text))), err
}
