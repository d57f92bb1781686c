package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/chancery-dev/chancery/libs/jws"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	maxAssertion  = 8 << 10
	// assertionLife is how long an assertion may be good for at most, skew how far a client's clock may be off.
	assertionLife = 5 * time.Minute
	skew          = 30 * time.Second
)

// assertion is what an assertion of RFC 7523 §3 says.
type assertion struct {
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	Audience  json.RawMessage `json:"aud"`
	Expires   *float64        `json:"exp"`
	NotBefore *float64        `json:"nbf"`
	IssuedAt  *float64        `json:"iat"`
	ID        string          `json:"jti"`
}

// assertedID is the client an assertion names, before anything of it is believed.
func assertedID(compact string) string {
	m, err := jws.Parse(compact, maxAssertion)
	var c assertion
	if err != nil || m.Peek(&c) != nil || c.Issuer != c.Subject {
		return ""
	}
	return c.Subject
}

// asserted is the generation whose key signed a good assertion that was not used before (RFC 7523 §3).
func (s *Server) asserted(ctx context.Context, r *http.Request, p presented, state credential.State) (uint32, error) {
	m, err := jws.Parse(p.secret, maxAssertion)
	if err != nil {
		return 0, invalidClient()
	}
	var generation uint32
	var c assertion
	for _, g := range state.Generations {
		if g.Key == nil || generation != 0 {
			continue
		}
		key, err := jws.ParseKey(g.Key.Jwk)
		if err == nil && m.Verify(key, &c) == nil {
			generation = g.Number
		}
	}
	if generation == 0 || !s.acceptable(c, p.id, s.address(r.URL.Path)) {
		return 0, invalidClient()
	}
	switch err := s.assertions.use(p.id+" "+c.ID, s.Now(), assertionLife+skew); {
	case errors.Is(err, errUsed):
		s.replayed(ctx, client{id: p.id, state: state}, "client_assertion")
		return 0, invalidClient().because("replayed")
	case err != nil:
		return 0, err
	}
	return generation, nil
}

// acceptable says whether an assertion is from this client, for this server alone, and of this moment. The audience is one
// string: a list could name another server too, which could then use it here.
func (s *Server) acceptable(c assertion, id, endpoint string) bool {
	var audience string
	if json.Unmarshal(c.Audience, &audience) != nil || !slices.Contains([]string{s.Issuer, s.address("/oauth2/token"), endpoint}, audience) {
		return false
	}
	now := float64(s.Now().UnixMilli()) / 1000
	early := func(t *float64) bool { return t != nil && *t > now+skew.Seconds() }
	return c.Issuer == id && c.Subject == id && c.ID != "" && len(c.ID) <= 256 && c.Expires != nil &&
		*c.Expires > now-skew.Seconds() && *c.Expires <= now+(assertionLife+skew).Seconds() && !early(c.NotBefore) && !early(c.IssuedAt)
}
