package login

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
)

// prove adds a proof of the login's key to a request (RFC 9449 §4), of a token's use where there is one.
func (l *Login) prove(r *http.Request, token string) error {
	key, ok := l.Key.Key.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("the login has no key")
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		return err
	}
	target := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: r.URL.Path}
	claims := map[string]any{"jti": uuid.NewString(), "htm": r.Method, "htu": target.String(), "iat": time.Now().Unix()}
	if nonce := l.nonce(target.String()); nonce != "" {
		claims["nonce"] = nonce
	}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	proof, err := jwt.Signed(signer).Claims(claims).Serialize()
	r.Header.Set("DPoP", proof)
	return err
}

// door is whose nonces they are: the authorization server's or the portal's.
func door(target string) string {
	u, err := url.Parse(target)
	if err == nil && len(u.Path) >= 8 && u.Path[:8] == "/oauth2/" {
		return "oauth2"
	}
	return "api"
}

func (l *Login) nonce(target string) string { return l.nonces[door(target)] }

func (l *Login) learn(target string, r *http.Response) {
	if n := r.Header.Get("DPoP-Nonce"); n != "" {
		if l.nonces == nil {
			l.nonces = map[string]string{}
		}
		l.nonces[door(target)] = n
	}
}

// RoundTrip sends a request to the portal as the person who is signed in; bodies are those http.NewRequest can give again.
func (l *Login) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := l.Token(r.Context())
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		out := r.Clone(r.Context())
		if r.GetBody != nil {
			if out.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		out.Header.Set("Authorization", "DPoP "+token)
		l.mu.Lock()
		err = l.prove(out, token)
		l.mu.Unlock()
		if err != nil {
			return nil, err
		}
		response, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		l.learn(r.URL.String(), response)
		l.mu.Unlock()
		if try > 0 || response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") != `DPoP error="use_dpop_nonce"` {
			return response, nil
		}
		response.Body.Close()
	}
}
