package oauth

import (
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/jws"
)

// ProtectedResource is RFC 9728 for one product, or without one for all of them: whose tokens are taken, and how.
func (s *Server) ProtectedResource(w http.ResponseWriter, r *http.Request) {
	all := map[string]any{
		"resource":                                   s.Issuer,
		"authorization_servers":                      []string{s.Issuer},
		"jwks_uri":                                   s.address("/oauth2/jwks"),
		"bearer_methods_supported":                   []string{"header"},
		"dpop_signing_alg_values_supported":          jws.Algorithms,
		"tls_client_certificate_bound_access_tokens": true,
	}
	if id := r.PathValue("product"); id != "" {
		if uuid.Validate(id) != nil {
			http.NotFound(w, r)
			return
		}
		all["resource"] = accesstoken.AudienceOf(id)
		// Of a product that not everybody may know of nothing is told, not even that there is one (B8).
		if name, scopes, ok := s.Names.Resource(id); ok {
			maps.Copy(all, map[string]any{"resource_name": name, "scopes_supported": slices.Sorted(slices.Values(scopes))})
		}
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	answer(w, http.StatusOK, all)
}
