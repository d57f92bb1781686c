package oauth

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/libs/jws"
)

// JWKS is RFC 7517 §5, with the next key too: on schedule a key is published KeyLead before it signs.
func (s *Server) JWKS(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	answer(w, http.StatusOK, s.Keys.Set(s.Now().Add(-time.Minute)))
}

// Metadata is RFC 8414: what is served, and nothing else.
func (s *Server) Metadata(w http.ResponseWriter, _ *http.Request) {
	authentication := []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"}
	all := map[string]any{
		"issuer":                s.Issuer,
		"jwks_uri":              s.address("/oauth2/jwks"),
		"grant_types_supported": slices.Sorted(maps.Keys(grantTypes)),
		"tls_client_certificate_bound_access_tokens": true,
		"dpop_signing_alg_values_supported":          jws.Algorithms,
		"resource_indicators_supported":              true,
	}
	s.withPeople(all)
	aliases := map[string]string{}
	for name, path := range map[string]string{"token": "/oauth2/token", "introspection": "/oauth2/introspect", "revocation": "/oauth2/revoke"} {
		all[name+"_endpoint"] = s.address(path)
		all[name+"_endpoint_auth_methods_supported"] = authentication
		all[name+"_endpoint_auth_signing_alg_values_supported"] = jws.Algorithms
		aliases[name+"_endpoint"] = s.MutualTLS + path
	}
	all["token_endpoint_auth_methods_supported"] = append(slices.Clip(authentication), "none")
	if s.MutualTLS != "" {
		all["mtls_endpoint_aliases"] = aliases // RFC 8705 §5
	}
	answer(w, http.StatusOK, all)
}
