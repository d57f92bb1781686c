package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/libs/accesstoken"
)

// tokenRequest is a request whose client is known.
type tokenRequest struct {
	http   *http.Request
	form   url.Values
	client client
	// binding is the key whose possession the request proves; nil if it proves none.
	binding *accesstoken.Confirmation
}

// grantType answers token requests of one grant_type.
type grantType struct {
	redeem func(*Server, context.Context, *tokenRequest) (tokenResponse, error)
	// public lets a client in that authenticates by nothing; redeem then finds out by itself who it is.
	public bool
}

// grantTypes are those served, one file each.
var grantTypes = map[string]grantType{
	"client_credentials": {redeem: (*Server).clientCredentials},
	grantExchange:        {redeem: (*Server).exchange},
	authorizationCode:    {redeem: (*Server).redeemCode, public: true},
	refreshToken:         {redeem: (*Server).refresh, public: true},
	deviceCode:           {redeem: (*Server).redeemDevice, public: true},
}

// tokenResponse is RFC 6749 §5.1, with the member RFC 8693 §2.2.1 adds.
type tokenResponse struct {
	AccessToken     string `json:"access_token"`
	IssuedTokenType string `json:"issued_token_type,omitempty"`
	TokenType       string `json:"token_type"`
	ExpiresIn       int64  `json:"expires_in"`
	Scope           string `json:"scope"`
	RefreshToken    string `json:"refresh_token,omitempty"`
}

// Token is the token endpoint, RFC 6749 §3.2: every token is recorded durably before it is handed out.
func (s *Server) Token(w http.ResponseWriter, r *http.Request) {
	q := &tokenRequest{http: r}
	response, err := s.redeem(w, q)
	if err != nil {
		s.fail(w, r, q.client, err)
		return
	}
	if q.binding != nil && q.binding.JKT != "" {
		w.Header().Set("DPoP-Nonce", s.Proofs.Nonce()) // RFC 9449 §8.2
	}
	answer(w, http.StatusOK, response)
}

func (s *Server) redeem(w http.ResponseWriter, q *tokenRequest) (none tokenResponse, err error) {
	if q.form, err = form(w, q.http, "resource", "audience"); err != nil {
		return none, err
	}
	ctx := q.http.Context()
	name := q.form.Get("grant_type")
	grant, served := grantTypes[name]
	if served && grant.public && !s.authenticates(q.http, q.form) {
		q.client = client{id: q.form.Get("client_id")}
	} else if q.client, err = s.authenticate(ctx, q.http, q.form); err != nil {
		return none, err
	}
	switch {
	case len(q.form["audience"]) > 1 && name != grantExchange:
		return none, invalidRequest("a parameter is given twice: audience")
	case name == "":
		return none, invalidRequest("grant_type is missing")
	case !served:
		return none, refuse(http.StatusBadRequest, "unsupported_grant_type", "no such grant_type is served")
	case q.client.known() && !q.client.may(name):
		return none, unauthorizedClient("the client is not registered for this grant_type")
	}
	if err := s.bind(q); err != nil {
		return none, err
	}
	if q.client.known() {
		ctx = as(ctx, q.client)
	}
	return grant.redeem(s, ctx, q)
}

// clientCredentials is RFC 6749 §4.4.
func (s *Server) clientCredentials(ctx context.Context, q *tokenRequest) (tokenResponse, error) {
	if err := target(q.form, q.client.state.ProductID); err != nil {
		return tokenResponse{}, err
	}
	scopes, err := narrowed(q.client.state.Scopes, q.form)
	if err != nil {
		return tokenResponse{}, err
	}
	m, err := s.mint(ctx, issuing{client: q.client, scopes: scopes, binding: q.binding})
	if err != nil {
		return tokenResponse{}, err
	}
	return m.response(), nil
}

// target refuses every resource (RFC 8707 §2) that is not the product a client was granted: no token is for two.
func target(f url.Values, productID string) error {
	for _, resource := range f["resource"] {
		if resource != accesstoken.AudienceOf(productID) {
			return invalidTarget("the client may ask for tokens of its own product only")
		}
	}
	return nil
}

// narrowed are the scopes asked for, all of those allowed where none are named; one beyond is refused, never dropped.
func narrowed(allowed []string, f url.Values) ([]string, error) {
	asked, ok := f["scope"]
	if !ok {
		return allowed, nil
	}
	var scopes []string
	for _, scope := range strings.Fields(asked[0]) {
		if !slices.Contains(allowed, scope) {
			return nil, refuse(http.StatusBadRequest, "invalid_scope", "a scope is not within the grant")
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 {
		return nil, refuse(http.StatusBadRequest, "invalid_scope", "no scope is named")
	}
	return scopes, nil
}
