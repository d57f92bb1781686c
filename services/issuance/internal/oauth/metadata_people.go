package oauth

import "maps"

// withPeople adds to the metadata of RFC 8414 §2 what clients need that act for people.
func (s *Server) withPeople(all map[string]any) {
	maps.Copy(all, map[string]any{
		"authorization_endpoint":                         s.address("/oauth2/authorize"),
		"pushed_authorization_request_endpoint":          s.address("/oauth2/par"),
		"device_authorization_endpoint":                  s.address("/oauth2/device_authorization"),
		"registration_endpoint":                          s.address("/oauth2/register"),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
		"prompt_values_supported":                        []string{"none", "login", "consent"},
		"require_pushed_authorization_requests":          false,
	})
}
