package doors

import (
	"slices"
	"sync/atomic"

	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// ContextOf is made of ids and scope names, none of which can hold a quote.
func ContextOf(v *verdict.Verdict) string {
	b := make([]byte, 0, 256)
	text := func(name, value string) {
		if len(b) > 0 {
			b = append(b, ", "...)
		}
		b = append(append(append(append(b, name...), `="`...), value...), '"')
	}
	text("client", v.Credential.ID())
	text("application", v.Credential.Application)
	text("organization", v.Credential.Organization)
	text("product", v.Credential.Product)
	b = append(b, ", scopes=("...)
	first := true
	for _, scope := range v.Scopes {
		if !slices.Contains(v.Credential.Granted, scope) || !slices.Contains(v.Credential.Scopes, scope) {
			continue
		}
		if !first {
			b = append(b, ' ')
		}
		first = false
		b = append(append(append(b, '"'), scope...), '"')
	}
	b = append(b, ')')
	if v.Token != "" {
		text("token", v.Token)
	}
	return string(b)
}

// contexts remembers the words for credentials that call often; an older one makes room for a newer.
type contexts [1 << 12]atomic.Pointer[known]

type known struct {
	credential, generation uint32
	access                 uint64
	token                  string
	words                  []string
}

func (c *contexts) of(v *verdict.Verdict) []string {
	at := &c[v.Credential.Index%uint32(len(c))]
	k := at.Load()
	if k == nil || k.credential != v.Credential.Index || k.generation != v.Credential.Generation || k.access != v.Credential.Access || k.token != v.Token {
		k = &known{v.Credential.Index, v.Credential.Generation, v.Credential.Access, v.Token, []string{ContextOf(v)}}
		at.Store(k)
	}
	return k.words
}
