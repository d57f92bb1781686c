package bff

import (
	"errors"
	"net/http"
	"net/url"
)

// acting passes the pages on which people let clients act for them on to issuance, with the session's person. Without a session
// the person signs in first; what they had sent is not sent again for them.
func (b *BFF) acting(w http.ResponseWriter, r *http.Request) {
	if b.proxies["issuance"] == nil {
		b.refuse(w, r, errNoService)
		return
	}
	s, err := b.session(r.Context(), r)
	if errors.Is(err, errNoSession) {
		back := r.URL.Path
		if r.Method == http.MethodGet && r.URL.RawQuery != "" {
			back += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, "/auth/sign-in?return_to="+url.QueryEscape(back), http.StatusSeeOther)
		return
	}
	p := passage{path: r.URL.Path, cookies: true, session: &s}
	if err == nil {
		p.token, err = b.Signer.Sign(b.person(s), "issuance")
	}
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	b.pass(w, r, "issuance", p)
}
