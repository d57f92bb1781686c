package oauth

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/services/issuance/internal/page"
)

// redirects says whether an address is one of those registered: character by character (RFC 9700 §2.1), except that a program
// on the person's own machine listens on whatever port it gets (RFC 8252 §7.3).
func redirects(registered []string, asked string) bool {
	if slices.Contains(registered, asked) {
		return true
	}
	want, ok := portless(asked)
	return ok && slices.ContainsFunc(registered, func(r string) bool {
		have, ok := portless(r)
		return ok && have == want
	})
}

// portless is an http address on a loopback literal without its port, or false for any other.
func portless(uri string) (string, bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(uri, host)
		if !ok {
			continue
		}
		if port, ok := strings.CutPrefix(rest, ":"); ok {
			rest = strings.TrimLeft(port, "0123456789")
			if n := len(port) - len(rest); n == 0 || n > 5 {
				return "", false
			}
		}
		if rest != "" && rest[0] != '/' && rest[0] != '?' || strings.ContainsAny(rest, "#\\ \t\r\n") {
			return "", false
		}
		return host + rest, true
	}
	return "", false
}

// returned is an address with parameters added to those it has (RFC 6749 §3.1.2).
func returned(uri string, add url.Values) string {
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + add.Encode()
}

// sendBack answers the client through the browser, saying who answers (RFC 9207 §2).
func (s *Server) sendBack(w http.ResponseWriter, r *http.Request, uri, state string, add url.Values) {
	if state != "" {
		add.Set("state", state)
	}
	add.Set("iss", s.Issuer)
	page.Headers(w.Header())
	http.Redirect(w, r, returned(uri, add), http.StatusSeeOther)
}

// turnBack tells the client why its request leads nowhere.
func (s *Server) turnBack(w http.ResponseWriter, r *http.Request, uri, state string, why *refusal) {
	add := url.Values{"error": {why.Code}}
	if why.Description != "" {
		add.Set("error_description", why.Description)
	}
	s.sendBack(w, r, uri, state, add)
}

// hostOf is what a person is shown of an address.
func hostOf(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return ""
	case u.Host == "":
		return "the app " + u.Scheme
	}
	if _, local := portless(uri); local {
		return "a program on this computer (" + u.Host + ")"
	}
	return u.Host
}
