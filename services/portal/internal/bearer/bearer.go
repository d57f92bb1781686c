// Package bearer recognises the tokens of the suite's own command line, which act at the services' APIs as the person may who
// allowed it: for this portal, bound to a key, and only while their consent, their person and their signing key stand.
package bearer

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/dpop"
	"github.com/chancery-dev/chancery/libs/eventlog"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Client is the only client whose tokens act as a person here.
const Client = "chancery-cli"

const skew = 5 * time.Second

// Refusals.
var (
	// ErrNone says that a request carries no token of this kind, and may be another's.
	ErrNone  = errors.New("no token of the command line")
	ErrToken = errors.New("the token is not good here")
)

// Tokens reads tokens for the portal at Issuer. Safe for concurrent use.
type Tokens struct {
	Issuer string
	Proofs *dpop.Verifier
	Now    func() time.Time

	mu   sync.RWMutex
	keys map[string]ed25519.PublicKey
}

// Apply folds issuance's signing keys.
func (t *Tokens) Apply(_ context.Context, batch []eventlog.Recorded) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys == nil {
		t.keys = map[string]ed25519.PublicKey{}
	}
	for _, r := range batch {
		for _, fact := range r.Facts {
			switch e := fact.(type) {
			case *issuancev1.SigningKeyCreated:
				var jwk jose.JSONWebKey
				if err := json.Unmarshal(e.Jwk, &jwk); err != nil {
					return fmt.Errorf("signing key %s: %w", e.KeyId, err)
				}
				if public, ok := jwk.Key.(ed25519.PublicKey); ok {
					t.keys[e.KeyId] = public
				}
			case *issuancev1.SigningKeyCompromised:
				delete(t.keys, e.KeyId)
			}
		}
	}
	return nil
}

func (t *Tokens) key(id string) (ed25519.PublicKey, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	k, ok := t.keys[id]
	return k, ok
}

// Read gives what a request's token says, once its signature holds and the request proves possession of its key (RFC 9449 §7).
// Whether it still stands is not asked here. ErrNone leaves the request to others; dpop.ErrNonce wants another proof.
func (t *Tokens) Read(r *http.Request) (c accesstoken.Claims, err error) {
	header := r.Header.Values("Authorization")
	if len(header) != 1 {
		return c, ErrNone
	}
	scheme, token, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "DPoP") {
		return c, ErrNone
	}
	c, err = accesstoken.Verify(token, accesstoken.Expect{Issuer: t.Issuer, Audience: t.Issuer, Now: t.Now(), Skew: skew, Key: t.key})
	if err == nil && (c.ClientID != Client || c.Consent == "" || c.Generation != 0 || c.Confirmation == nil || c.Confirmation.JKT == "") {
		err = errors.New("it is no token of the command line")
	}
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrToken, err)
	}
	jkt, err := t.Proofs.Verify(r.Header.Values("DPoP"), r.Method, t.Issuer+r.URL.Path, token)
	if errors.Is(err, dpop.ErrNonce) {
		return c, err
	}
	if err == nil && jkt != c.Confirmation.JKT {
		err = errors.New("the proof is of another key")
	}
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return c, nil
}
