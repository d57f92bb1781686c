package oauth

import (
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/libs/accesstoken"
)

// Bearer is the good access token that a request to this server itself carries, RFC 6750 §2.1. A token bound to a key is
// none: nothing here proves possession of it.
func (s *Server) Bearer(r *http.Request) (accesstoken.Claims, bool) {
	scheme, compact, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if len(r.Header.Values("Authorization")) != 1 || !strings.EqualFold(scheme, "Bearer") {
		return accesstoken.Claims{}, false
	}
	c, err := s.read(r.Context(), strings.TrimSpace(compact))
	return c, err == nil && c.Confirmation == nil
}
