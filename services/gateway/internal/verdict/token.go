package verdict

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
)

// token judges an access token: its signature and times, what it is bound to, then everything it descends from, then the
// credential it was issued to.
func (a *Authorizer) token(ctx context.Context, v *Verdict, r *Request, p *presented) {
	if a.Issuer == "" || len(p.text) > accesstoken.MaxBytes {
		v.Reason = Unknown
		return
	}
	known, reason := a.read(p.text, v.At)
	if reason != "" {
		v.Reason = reason
		return
	}
	c, claim := &known.claims, known.claim
	// Before liveness: whoever cannot prove possession of a stolen token does not learn whether it was revoked.
	if v.Reason = a.bound(r, p, c); v.Reason != "" {
		return
	}
	live := a.Fold.Lineage()
	if shown := claim.Shown(); shown > live.Position() {
		patience := a.Patience
		if patience == 0 {
			patience = 250 * time.Millisecond
		}
		bounded, cancel := context.WithTimeout(ctx, patience)
		err := live.WaitFor(bounded, shown)
		cancel()
		if err != nil {
			v.Reason = Stale
			return
		}
		v.Position, v.Bundle = live.Position(), a.Fold.Table()
	}
	var credential fold.Credential
	ok := a.Fold.ByID(c.ClientID, &credential)
	if !ok || c.Product != credential.Product || c.Environment != credential.Environment {
		v.Reason = Unknown
		return
	}
	credential.Generation = c.Generation
	v.Credential, v.Token, v.Scopes, v.Claims = credential, c.ID, known.scopes, c
	if err := live.LiveClaim(claim, v.At); err != nil {
		v.Reason = why(err, &credential)
		return
	}
	a.owned(v)
}

// read verifies a token, once for as long as it is remembered: what is remembered is that the signature holds, never that
// the token is live.
func (a *Authorizer) read(compact string, now time.Time) (*remembered, Reason) {
	sum := sha256.Sum256([]byte(compact))
	if t := a.tokens.get(sum); t != nil {
		return t, ""
	}
	c, err := accesstoken.Verify(compact, accesstoken.Expect{Issuer: a.Issuer, Now: now, Key: a.Fold.Key})
	switch {
	case errors.Is(err, accesstoken.ErrExpired):
		return nil, Expired
	case err != nil:
		return nil, Unknown
	}
	t := &remembered{claims: c, claim: c.Descent(), scopes: c.Scopes()}
	a.tokens.put(sum, t, now)
	return t, ""
}

// remember bounds how many tokens are remembered.
const remember = 1 << 16

type remembered struct {
	claims accesstoken.Claims
	claim  lineage.Claim
	scopes []string
}

// tokens remembers verified tokens by the hash of all of their bytes.
type tokens struct {
	mu  sync.RWMutex
	all map[[32]byte]*remembered
}

func (t *tokens) get(sum [32]byte) *remembered {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.all[sum]
}

func (t *tokens) put(sum [32]byte, r *remembered, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[[32]byte]*remembered{}
	}
	if len(t.all) >= remember {
		// Those that are over first; if all live, any few.
		dropped := 0
		for k, old := range t.all {
			if !now.Before(old.claim.Expires) || dropped < remember/16 {
				delete(t.all, k)
				dropped++
			}
		}
	}
	t.all[sum] = r
}
