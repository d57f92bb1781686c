package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/secret"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/token"
)

// Lifetime is how long an access token lives at most.
const Lifetime = 10 * time.Minute

// AudienceOf is the audience of tokens for a product: what a resource parameter (RFC 8707) names.
func AudienceOf(productID string) string { return "urn:chancery:product:" + productID }

// Fold is the in-memory lineage of everything in EVENTS.
type Fold interface {
	eventlog.Frontier
	Live(lineage.Ref, time.Time) error
	LiveClaim(lineage.Claim, time.Time) error
}

// Server answers the OAuth endpoints. No Postgres is on its path.
type Server struct {
	Issuer       string
	Keys         *Keys
	Credentials  eventlog.Repository[credential.State]
	Tokens       eventlog.Repository[token.State]
	Fold         Fold
	Fingerprints *secret.Fingerprints
	Observe      func(ctx context.Context, kind string, facts ...aggregate.Event) error
	Now          func() time.Time
	Logger       *slog.Logger
}

type tokenResponse struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope"`
}

// Token is RFC 6749 §4.4: client credentials for an access token, recorded durably before it is handed out.
func (s *Server) Token(w http.ResponseWriter, r *http.Request) {
	f, refused := form(w, r)
	if refused != nil {
		refused.write(w)
		return
	}
	ctx := r.Context()
	c, refused, err := s.authenticate(ctx, r, f)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	if refused == nil && f.Get("grant_type") != "client_credentials" {
		refused = refuse(http.StatusBadRequest, "unsupported_grant_type", "grant_type is client_credentials")
	}
	if refused == nil && f.Has("resource") && f.Get("resource") != AudienceOf(c.state.ProductID) {
		refused = refuse(http.StatusBadRequest, "invalid_target", "the client may ask for tokens of its own product only")
	}
	scopes := c.state.Scopes
	if refused == nil {
		scopes, refused = narrowed(c.state.Scopes, f)
	}
	if refused != nil {
		s.rejected(ctx, c.id, refused.Code)
		refused.write(w)
		return
	}
	signed, expires, err := s.mint(as(ctx, c), c, scopes)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	answer(w, http.StatusOK, tokenResponse{signed, "Bearer", int64(expires.Sub(s.Now()).Seconds()), strings.Join(scopes, " ")})
}

func narrowed(allowed []string, f map[string][]string) ([]string, *refusal) {
	asked, ok := f["scope"]
	if !ok {
		return allowed, nil
	}
	scopes := strings.Fields(asked[0])
	for _, scope := range scopes {
		if !slices.Contains(allowed, scope) {
			return nil, refuse(http.StatusBadRequest, "invalid_scope", "a scope is not within the grant")
		}
	}
	if len(scopes) == 0 {
		return nil, refuse(http.StatusBadRequest, "invalid_scope", "no scope is named")
	}
	return slices.Compact(scopes), nil
}

func (s *Server) mint(ctx context.Context, c client, scopes []string) (signed string, expires time.Time, err error) {
	signer, err := s.Keys.Signer(ctx)
	if err != nil {
		return "", expires, err
	}
	now := s.Now().Truncate(time.Second)
	expires = now.Add(Lifetime)
	for _, g := range c.state.Generations {
		if g.Number == c.generation && g.ExpiresAt.Before(expires) {
			expires = g.ExpiresAt
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", expires, err
	}
	audience := AudienceOf(c.state.ProductID)
	signed, err = signer.Sign(accesstoken.Claims{
		Issuer: s.Issuer, Subject: c.id, ClientID: c.id, Audience: jwt.Audience{audience},
		Expires: jwt.NewNumericDate(expires), IssuedAt: jwt.NewNumericDate(now), ID: id.String(), Scope: strings.Join(scopes, " "),
		Generation: c.generation, Application: c.state.ApplicationID, Organization: c.state.Organization,
		Product: c.state.ProductID, Environment: c.state.Environment, Seen: c.seen,
	})
	if err != nil {
		return "", expires, err
	}
	err = s.Observe(ctx, "token", &activityv1.TokenIssued{
		TokenId: id.String(), ClientId: c.id, ApplicationId: c.state.ApplicationID, Scopes: scopes, Audience: audience,
		ExpiresAt: timestamppb.New(expires), KeyId: signer.KeyID(), Generation: c.generation,
	})
	return signed, expires, err
}

// as makes the client the actor of what follows.
func as(ctx context.Context, c client) context.Context {
	m := eventlog.MetaFrom(ctx)
	m.Actor = &eventv1.Actor{Id: c.id, Kind: "client"}
	m.Shown = max(m.Shown, c.seen)
	return eventlog.WithMeta(ctx, m)
}

// rejected records a refused request; that it cannot be recorded is no reason to answer more than the refusal.
func (s *Server) rejected(ctx context.Context, clientID, reason string) {
	if uuid.Validate(clientID) != nil {
		clientID = "" // what is no id is not ours to store
	}
	if err := s.Observe(ctx, "token_rejected", &activityv1.TokenRejected{ClientId: clientID, Reason: reason, Count: 1}); err != nil {
		s.Logger.ErrorContext(ctx, "a refused token request was not recorded", "error", err)
	}
}

func (s *Server) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	s.Logger.ErrorContext(r.Context(), "token endpoint", "error", err)
	w.Header().Set("Retry-After", "1")
	refuse(http.StatusServiceUnavailable, "temporarily_unavailable", "try again shortly").write(w)
}
