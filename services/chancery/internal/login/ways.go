package login

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Device is what a person is told to do.
type Device struct {
	DeviceCode      string `json:"device_code"`
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	ExpiresIn       int64  `json:"expires_in"`
	Interval        int64  `json:"interval"`
}

// ByDevice signs in by the device grant (RFC 8628): tell shows the person where to type which code.
func (l *Login) ByDevice(ctx context.Context, tell func(Device)) error {
	var d Device
	if err := l.post(ctx, "/oauth2/device_authorization", url.Values{}, &d); err != nil {
		return err
	}
	tell(d)
	pause := time.Duration(max(d.Interval, 1)) * time.Second
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		err := l.Redeem(ctx, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {d.DeviceCode}})
		var refusal *Refusal
		switch {
		case !errors.As(err, &refusal):
			return err
		case refusal.Code == "slow_down":
			pause += 5 * time.Second
		case refusal.Code != "authorization_pending":
			return err
		}
	}
}

// ByBrowser signs in by an authorization code with PKCE, which a browser on this machine brings to a port of the loopback
// address (RFC 8252 §7.3): open is told where to go.
func (l *Login) ByBrowser(ctx context.Context, open func(address string)) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	back := "http://" + listener.Addr().String() + "/callback"
	verifier, state := random(), random()
	sum := sha256.Sum256([]byte(verifier))
	open(l.Portal + "/oauth2/authorize?" + url.Values{"response_type": {"code"}, "client_id": {Client}, "redirect_uri": {back}, "state": {state},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}.Encode())
	answers := make(chan url.Values, 1)
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/callback" || q.Get("state") != state || q.Get("iss") != l.Portal {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("You can close this page and go back to the command line.\n"))
		select {
		case answers <- q:
		default:
		}
	})}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case q := <-answers:
		if q.Get("error") != "" {
			return &Refusal{Code: q.Get("error"), Description: q.Get("error_description")}
		}
		return l.Redeem(ctx, url.Values{"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {back}, "code_verifier": {verifier}})
	}
}

func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
