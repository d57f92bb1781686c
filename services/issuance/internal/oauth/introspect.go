package oauth

import (
	"context"
	"errors"
	"net/http"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/services/issuance/internal/token"
)

// introspection is RFC 7662 §2.2 with the members of RFC 8693 §4.1, RFC 8705 §3.2 and RFC 9449 §6.2, and sub_kind: whether
// the subject is a person or the client itself.
type introspection struct {
	Active       bool                      `json:"active"`
	Scope        string                    `json:"scope,omitempty"`
	ClientID     string                    `json:"client_id,omitempty"`
	TokenType    string                    `json:"token_type,omitempty"`
	Expires      int64                     `json:"exp,omitempty"`
	IssuedAt     int64                     `json:"iat,omitempty"`
	Subject      string                    `json:"sub,omitempty"`
	SubjectKind  string                    `json:"sub_kind,omitempty"`
	Audience     []string                  `json:"aud,omitempty"`
	Issuer       string                    `json:"iss,omitempty"`
	ID           string                    `json:"jti,omitempty"`
	Confirmation *accesstoken.Confirmation `json:"cnf,omitempty"`
	Actor        *accesstoken.Actor        `json:"act,omitempty"`
}

// read is one of our own access tokens that is good at this moment.
func (s *Server) read(ctx context.Context, compact string) (accesstoken.Claims, error) {
	c, err := accesstoken.Verify(compact, accesstoken.Expect{Issuer: s.Issuer, Now: s.Now(), Key: s.Keys.Public})
	if err != nil {
		return c, err
	}
	claim := c.Descent()
	if shown := claim.Shown(); s.Fold.Position() < shown {
		if err := s.Fold.WaitFor(ctx, shown); err != nil {
			return c, err
		}
	}
	return c, s.Fold.LiveClaim(claim, s.Now())
}

// asked is a request about one token from a client that may ask; a public one authenticates by nothing and revokes its own.
func (s *Server) asked(w http.ResponseWriter, r *http.Request, enter func(http.ResponseWriter, *http.Request, ...string) (*tokenRequest, error)) (*tokenRequest, bool) {
	q, err := enter(w, r)
	if err == nil && q.form.Get("token") == "" {
		err = invalidRequest("token is missing")
	}
	if err != nil {
		s.fail(w, r, q.client, err)
		return nil, false
	}
	return q, true
}

// Introspect is RFC 7662; a client learns of tokens of its own product that were issued to its own organisation, or of all
// of them if its organisation provides the product. Of any other it learns only that it is not active.
func (s *Server) Introspect(w http.ResponseWriter, r *http.Request) {
	q, ok := s.asked(w, r, s.entered)
	if !ok {
		return
	}
	if told, ok, err := s.introspectRefresh(r.Context(), q.client, q.form.Get("token")); err != nil {
		s.fail(w, r, q.client, err)
		return
	} else if ok {
		answer(w, http.StatusOK, told)
		return
	}
	c, err := s.read(r.Context(), q.form.Get("token"))
	switch {
	case errors.Is(err, lineage.ErrBehind):
		s.fail(w, r, q.client, err)
	case err != nil || !s.sees(q.client, c):
		answer(w, http.StatusOK, introspection{})
	default:
		answer(w, http.StatusOK, introspected(c))
	}
}

func (s *Server) sees(caller client, c accesstoken.Claims) bool {
	own := caller.state
	return c.Product == own.ProductID && c.Environment == own.Environment &&
		(c.Organization == own.Organization || s.Provider(c.Product) == own.Organization)
}

func introspected(c accesstoken.Claims) introspection {
	i := introspection{
		Active: true, Scope: c.Scope, ClientID: c.ClientID, TokenType: "Bearer", Expires: c.Expires.Time().Unix(), IssuedAt: c.IssuedAt.Time().Unix(),
		Subject: c.Subject, SubjectKind: "client", Audience: c.Audience, Issuer: c.Issuer, ID: c.ID, Confirmation: c.Confirmation, Actor: c.Actor,
	}
	if c.Consent != "" {
		i.SubjectKind = "person"
	}
	if c.Confirmation != nil && c.Confirmation.JKT != "" {
		i.TokenType = "DPoP"
	}
	return i
}

// Revoke is RFC 7009: 200 whether or not there was anything to revoke, whatever the hint; only the client's own tokens end,
// and with one every token that was exchanged from it.
func (s *Server) Revoke(w http.ResponseWriter, r *http.Request) {
	q, ok := s.asked(w, r, s.calling)
	if !ok {
		return
	}
	if ok, err := s.revokeRefresh(r.Context(), q.client, q.form.Get("token")); err != nil {
		s.fail(w, r, q.client, err)
		return
	} else if ok {
		answer(w, http.StatusOK, struct{}{})
		return
	}
	c, err := accesstoken.Verify(q.form.Get("token"), accesstoken.Expect{Issuer: s.Issuer, Now: s.Now(), Key: s.Keys.Public})
	if err == nil && c.ClientID == q.client.id {
		out, err := s.Tokens.Handle(as(r.Context(), q.client), c.ID, token.Revoke{
			CredentialID: q.client.id, OrganizationID: q.client.state.Organization, ExpiresAt: c.Expires.Time(),
		})
		if err == nil {
			err = s.ended(r.Context(), out.Position)
		}
		if err != nil {
			s.fail(w, r, q.client, err)
			return
		}
	}
	answer(w, http.StatusOK, struct{}{})
}
