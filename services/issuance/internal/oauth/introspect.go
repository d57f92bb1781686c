package oauth

import (
	"context"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/services/issuance/internal/token"
)

type introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	Expires   int64    `json:"exp,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  []string `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`
}

func (s *Server) read(ctx context.Context, compact string) (accesstoken.Claims, error) {
	c, err := accesstoken.Verify(compact, accesstoken.Expect{Issuer: s.Issuer, Now: s.Now(), Key: s.Keys.Public})
	if err != nil {
		return c, err
	}
	if s.Fold.Position() < c.Seen {
		if err := s.Fold.WaitFor(ctx, c.Seen); err != nil {
			return c, err
		}
	}
	return c, s.Fold.LiveClaim(c.Descent(), s.Now())
}

// asked is a request about one token from a client that authenticated.
func (s *Server) asked(w http.ResponseWriter, r *http.Request) (*tokenRequest, bool) {
	q, err := s.entered(w, r)
	if err == nil && q.form.Get("token") == "" {
		err = invalidRequest("token is missing")
	}
	if err != nil {
		s.fail(w, r, q.client, err)
		return nil, false
	}
	return q, true
}

// Introspect is RFC 7662; a client learns of tokens of its own product, of any other only that it is not active.
func (s *Server) Introspect(w http.ResponseWriter, r *http.Request) {
	q, ok := s.asked(w, r)
	if !ok {
		return
	}
	c, err := s.read(r.Context(), q.form.Get("token"))
	if err != nil || c.Product != q.client.state.ProductID || c.Organization != q.client.state.Organization {
		answer(w, http.StatusOK, introspection{})
		return
	}
	answer(w, http.StatusOK, introspection{
		Active: true, Scope: c.Scope, ClientID: c.ClientID, TokenType: "Bearer", Expires: c.Expires.Time().Unix(),
		IssuedAt: c.IssuedAt.Time().Unix(), Subject: c.Subject, Audience: c.Audience, Issuer: c.Issuer, ID: c.ID,
	})
}

// Revoke is RFC 7009: 200 whether or not there was anything to revoke; only the client's own tokens end.
func (s *Server) Revoke(w http.ResponseWriter, r *http.Request) {
	q, ok := s.asked(w, r)
	if !ok {
		return
	}
	c, err := accesstoken.Verify(q.form.Get("token"), accesstoken.Expect{Issuer: s.Issuer, Now: s.Now(), Key: s.Keys.Public})
	if err == nil && c.ClientID == q.client.id {
		_, err = s.Tokens.Handle(as(r.Context(), q.client), c.ID, token.Revoke{
			CredentialID: q.client.id, OrganizationID: q.client.state.Organization, ExpiresAt: c.Expires.Time(),
		})
		if err != nil {
			s.fail(w, r, q.client, err)
			return
		}
	}
	answer(w, http.StatusOK, struct{}{})
}

// JWKS is RFC 7517 §5.
func (s *Server) JWKS(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	answer(w, http.StatusOK, s.Keys.Set(s.Now().Add(-time.Minute)))
}

// Metadata is RFC 8414.
func (s *Server) Metadata(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer":                                s.Issuer,
		"token_endpoint":                        s.Issuer + "/oauth2/token",
		"introspection_endpoint":                s.Issuer + "/oauth2/introspect",
		"revocation_endpoint":                   s.Issuer + "/oauth2/revoke",
		"jwks_uri":                              s.Issuer + "/oauth2/jwks",
		"grant_types_supported":                 []string{"client_credentials"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"introspection_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"revocation_endpoint_auth_methods_supported":    []string{"client_secret_basic", "client_secret_post"},
		"response_types_supported":                      []string{},
		"resource_indicators_supported":                 true,
	})
}
