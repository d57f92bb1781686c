package bff

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/libs/endpoint"
)

// call passes /api/<service>/… on to the service: with the session's person, or as it came where there is no session, for
// operations that are public.
func (b *BFF) call(w http.ResponseWriter, r *http.Request) {
	service, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	if b.proxies[service] == nil || strings.HasPrefix(rest, "internal/") || strings.HasPrefix(rest, "auth/") || strings.HasPrefix(rest, "oauth2/") || rest == "device" {
		b.refuse(w, r, errNoService)
		return
	}
	p := passage{path: "/" + rest}
	if b.secretOf(r) == "" {
		if b.borne(w, r, service, p) {
			return
		}
		b.pass(w, r, service, p)
		return
	}
	s, err := b.session(r.Context(), r)
	if errors.Is(err, errNoSession) {
		b.setCookie(w, "")
	}
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	if p.token, err = b.Signer.Sign(b.person(s), service); err != nil {
		b.refuse(w, r, err)
		return
	}
	p.session = &s
	b.pass(w, r, service, p)
}

// public passes what needs no session on to the authorization server.
func (b *BFF) public(w http.ResponseWriter, r *http.Request) {
	if b.proxies["issuance"] == nil {
		b.refuse(w, r, errNoService)
		return
	}
	b.pass(w, r, "issuance", passage{path: r.URL.Path})
}

func (b *BFF) personas(w http.ResponseWriter, r *http.Request) {
	if b.Personas == nil {
		b.refuse(w, r, errNoService)
		return
	}
	endpoint.SecurityHeaders(w.Header())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"items": b.Personas})
}
