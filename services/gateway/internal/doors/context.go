package doors

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/upstream"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// renewAfter is how long one context is told of a caller's calls; the rest of its life is for the way upstream.
const renewAfter = 20 * time.Second

// contexts remembers what was signed for callers that call often; an older one makes room for a newer.
type contexts struct {
	sign  func(upstream.Context) (string, error)
	known [1 << 12]atomic.Pointer[known]
}

// known is a context and all that it says of the caller.
type known struct {
	credential, generation uint32
	access                 uint64
	claims                 *accesstoken.Claims
	at                     time.Time
	words                  []string
}

// of is the context of a call that may pass.
func (c *contexts) of(v *verdict.Verdict, decision string) ([]string, error) {
	at := &c.known[slot(v)%uint32(len(c.known))]
	k := at.Load()
	if k != nil && k.credential == v.Credential.Index && k.generation == v.Credential.Generation && k.access == v.Credential.Access &&
		alike(k.claims, v.Claims) && v.At.Sub(k.at) < renewAfter && !v.At.Before(k.at) {
		return k.words, nil
	}
	signed, err := c.sign(contextOf(v, decision))
	if err != nil {
		return nil, err
	}
	k = &known{v.Credential.Index, v.Credential.Generation, v.Credential.Access, v.Claims, v.At, []string{signed}}
	at.Store(k)
	return k.words, nil
}

// slot spreads credentials, and the tokens of one that say different things.
func slot(v *verdict.Verdict) uint32 {
	h := v.Credential.Index * 0x9e3779b1
	if v.Claims != nil {
		for _, text := range [...]string{v.Claims.Scope, v.Claims.Subject} {
			for i := 0; i < len(text); i++ {
				h = (h ^ uint32(text[i])) * 16777619
			}
		}
	}
	return h ^ h>>16
}

// alike says whether two tokens of one credential say the same of the caller.
func alike(a, b *accesstoken.Claims) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Scope != b.Scope || a.Subject != b.Subject {
		return false
	}
	x, y := a.Actor, b.Actor
	for ; x != nil && y != nil; x, y = x.Actor, y.Actor {
		if x.Subject != y.Subject {
			return false
		}
	}
	return x == y
}

func contextOf(v *verdict.Verdict, decision string) upstream.Context {
	client := v.Credential.ID()
	c := upstream.Context{
		Issuer: upstream.Issuer, Subject: client, Audience: accesstoken.AudienceOf(v.Credential.Product), IssuedAt: v.At.Unix(),
		Expires: v.At.Add(upstream.Life).Unix(), Decision: decision, Client: client, Application: v.Credential.Application,
		Organization: v.Credential.Organization, Environment: v.Credential.Environment,
	}
	var scopes []string
	for _, scope := range v.Scopes {
		if slices.Contains(v.Credential.Granted, scope) && slices.Contains(v.Credential.Scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	c.Scope = strings.Join(scopes, " ")
	if t := v.Claims; t != nil {
		c.Subject, c.Actor = t.Subject, t.Actor
		if c.Actor == nil && t.Subject != client {
			c.Actor = &accesstoken.Actor{Subject: client}
		}
	}
	return c
}
