package oauth

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const maxForm = 64 << 10

// form reads the parameters of a request, refusing what RFC 6749 §3.2 refuses: another media type, parameters in the
// query, and a parameter said twice, save those a standard lets be repeated.
func form(w http.ResponseWriter, r *http.Request, repeatable ...string) (url.Values, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, refuse(http.StatusBadRequest, "invalid_request", "send application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return nil, refuse(http.StatusBadRequest, "invalid_request", "parameters belong into the body")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, refuse(http.StatusRequestEntityTooLarge, "invalid_request", "the body is too large")
		}
		return nil, refuse(http.StatusBadRequest, "invalid_request", "the body is not a form")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 && !slices.Contains(repeatable, name) {
			return nil, refuse(http.StatusBadRequest, "invalid_request", "a parameter is given twice: "+printable(name))
		}
	}
	return r.PostForm, nil
}

func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, name[:min(len(name), 64)])
}
