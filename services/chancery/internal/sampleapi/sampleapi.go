// Package sampleapi is a protected resource as a consumer of access tokens would write one: it reads with one scope, writes with
// another, and believes nothing but the issuer's keys (RFC 9068, RFC 6750, RFC 9449, RFC 8705).
package sampleapi

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/dpop"
)

const (
	skew = 5 * time.Second
	// again is how soon unknown keys are looked for again.
	again = 5 * time.Second
)

// API is one protected resource. Safe for concurrent use.
type API struct {
	// Issuer signs the tokens, Audience is this resource, Address where clients reach it.
	Issuer, Audience, Address string
	// Read is the scope of GET, Write that of POST.
	Read, Write string
	HTTP        *http.Client
	Now         func() time.Time
	Proofs      *dpop.Verifier

	mu     sync.Mutex
	keys   map[string]ed25519.PublicKey
	looked time.Time
}

// New is a resource with nonces of its own.
func New(issuer, audience, address, read, write string, client *http.Client) *API {
	return &API{Issuer: issuer, Audience: audience, Address: address, Read: read, Write: write, HTTP: client, Now: time.Now, Proofs: dpop.New(time.Now)}
}

// refusal is an error of RFC 6750 §3.1.
type refusal struct {
	status            int
	code, description string
	scheme, scope     string
	nonce             bool
}

func (r *refusal) Error() string { return r.code }

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	claims, err := a.admit(r)
	if err != nil {
		a.refuse(w, err)
		return
	}
	out := map[string]any{"resource": a.Audience, "method": r.Method, "sub": claims.Subject, "client_id": claims.ClientID, "scope": claims.Scope}
	if claims.Actor != nil {
		out["act"] = claims.Actor
	}
	if claims.Confirmation != nil {
		out["cnf"] = claims.Confirmation
		w.Header().Set("DPoP-Nonce", a.Proofs.Nonce())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodPost {
		w.WriteHeader(http.StatusCreated)
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (a *API) refuse(w http.ResponseWriter, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		http.Error(w, "the issuer's keys cannot be read", http.StatusServiceUnavailable)
		return
	}
	challenge := r.scheme + ` realm="` + a.Audience + `"`
	if r.code != "" {
		challenge += fmt.Sprintf(`, error=%q, error_description=%q`, r.code, r.description)
	}
	if r.scope != "" {
		challenge += fmt.Sprintf(`, scope=%q`, r.scope)
	}
	challenge += `, resource_metadata="` + a.Issuer + `/.well-known/oauth-protected-resource/` + strings.TrimPrefix(a.Audience, accesstoken.AudienceOf("")) + `"`
	w.Header().Set("WWW-Authenticate", challenge)
	if r.nonce {
		w.Header().Set("DPoP-Nonce", a.Proofs.Nonce())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": r.code, "error_description": r.description})
}

func invalid(scheme, why string) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: "invalid_token", description: why, scheme: scheme}
}

// admit lets a request through whose token is good here, and whose key was proven if it is bound to one.
func (a *API) admit(r *http.Request) (c accesstoken.Claims, err error) {
	need := a.Read
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		need = a.Write
	default:
		return c, &refusal{status: http.StatusMethodNotAllowed, code: "invalid_request", description: "GET or POST", scheme: "Bearer"}
	}
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return c, &refusal{status: http.StatusUnauthorized, scheme: "Bearer"}
	}
	scheme, token, _ := strings.Cut(header[0], " ")
	proven := strings.EqualFold(scheme, "DPoP")
	if len(header) > 1 || r.URL.Query().Has("access_token") || !proven && !strings.EqualFold(scheme, "Bearer") {
		return c, &refusal{status: http.StatusBadRequest, code: "invalid_request", description: "one token in one Authorization header", scheme: "Bearer"}
	}
	if scheme = "Bearer"; proven {
		scheme = "DPoP"
	}
	if err := a.know(r.Context(), token); err != nil {
		return c, err
	}
	c, err = accesstoken.Verify(token, accesstoken.Expect{Issuer: a.Issuer, Audience: a.Audience, Now: a.Now(), Skew: skew, Key: a.key})
	if err != nil {
		return c, invalid(scheme, err.Error())
	}
	if err := a.bound(r, c, proven, token); err != nil {
		return c, err
	}
	if !slices.Contains(c.Scopes(), need) {
		return c, &refusal{status: http.StatusForbidden, code: "insufficient_scope", description: "the token lacks a scope", scheme: scheme, scope: need}
	}
	return c, nil
}

func (a *API) bound(r *http.Request, c accesstoken.Claims, proven bool, token string) error {
	cnf := c.Confirmation
	switch {
	case cnf == nil && proven:
		return invalid("DPoP", "the token is bound to no key")
	case cnf == nil:
		return nil
	case cnf.X5T != "":
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
			if base64.RawURLEncoding.EncodeToString(sum[:]) == cnf.X5T {
				return nil
			}
		}
		return invalid("Bearer", "the token is bound to another certificate")
	case !proven:
		return invalid("DPoP", "the token is bound to a key: send a proof")
	}
	jkt, err := a.Proofs.Verify(r.Header.Values("DPoP"), r.Method, a.Address+r.URL.Path, token)
	switch {
	case errors.Is(err, dpop.ErrNonce):
		return &refusal{status: http.StatusUnauthorized, code: "use_dpop_nonce", description: "use the nonce of DPoP-Nonce", scheme: "DPoP", nonce: true}
	case err != nil:
		return &refusal{status: http.StatusUnauthorized, code: "invalid_dpop_proof", description: err.Error(), scheme: "DPoP"}
	case jkt != cnf.JKT:
		return invalid("DPoP", "the proof is of another key")
	}
	return nil
}

func (a *API) key(id string) (ed25519.PublicKey, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, ok := a.keys[id]
	return k, ok
}

// know fetches the issuer's keys when a token names one that is not known, at most once in a while.
func (a *API) know(ctx context.Context, token string) error {
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || len(parsed.Signatures) != 1 {
		return nil // Verify says what is wrong with it
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.keys[parsed.Signatures[0].Protected.KeyID]; known || a.Now().Sub(a.looked) < again {
		return nil
	}
	a.looked = a.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Issuer+"/oauth2/jwks", http.NoBody)
	if err != nil {
		return err
	}
	response, err := a.HTTP.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&set); err != nil {
		return err
	}
	a.keys = map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		if public, ok := k.Key.(ed25519.PublicKey); ok {
			a.keys[k.KeyID] = public
		}
	}
	return nil
}
