package signon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// Why a security event token is refused, RFC 8935 §2.4.
var (
	ErrSignal         = errors.New("invalid_request")
	ErrSignalKey      = errors.New("invalid_key")
	ErrSignalIssuer   = errors.New("invalid_issuer")
	ErrSignalAudience = errors.New("invalid_audience")
)

const (
	// SignalBytes bounds a token before anything of it is decoded.
	SignalBytes = 16 << 10
	// SignalAge is how old a token may be: no longer than ids are remembered.
	SignalAge = 30 * 24 * time.Hour
	// signalSkew is how far clocks may differ.
	signalSkew = 5 * time.Minute
)

// Identifier is who an event is about, RFC 9493.
type Identifier struct {
	Format      string       `json:"format"`
	Issuer      string       `json:"iss"`
	Subject     string       `json:"sub"`
	Email       string       `json:"email"`
	User        *Identifier  `json:"user"`
	Identifiers []Identifier `json:"identifiers"`
}

// Signal is what a verified security event token says.
type Signal struct {
	ID     string
	Type   string
	Of     Identifier
	Reason string
}

var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// ReadSignal takes a security event token apart without believing it: its form, its type, exactly one event, and that it is
// no token of another kind.
func ReadSignal(compact string) (s Signal, issued time.Time, err error) {
	refuse := func(why string) (Signal, time.Time, error) {
		return Signal{}, time.Time{}, fmt.Errorf("%w: %s", ErrSignal, why)
	}
	if len(compact) > SignalBytes || strings.Count(compact, ".") != 2 {
		return refuse("the body is no signed token")
	}
	jws, err := jose.ParseSignedCompact(compact, algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return refuse("the body is no signed token")
	}
	typ, _ := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string)
	if !strings.EqualFold(strings.TrimPrefix(typ, "application/"), "secevent+jwt") {
		return refuse("the token is of another type")
	}
	var claims struct {
		ID       string          `json:"jti"`
		IssuedAt json.Number     `json:"iat"`
		Expires  json.RawMessage `json:"exp"`
		Of       *Identifier     `json:"sub_id"`
		Events   map[string]struct {
			Subject *Identifier       `json:"subject"`
			Reason  map[string]string `json:"reason_admin"`
		} `json:"events"`
	}
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims); err != nil {
		return refuse("the claims are not readable")
	}
	at, err := claims.IssuedAt.Float64()
	switch {
	case err != nil || at <= 0 || at > 1e11:
		return refuse("iat is missing")
	case claims.ID == "" || len(claims.ID) > 200:
		return refuse("jti is missing")
	case len(claims.Events) != 1:
		return refuse("a token carries exactly one event")
	case len(claims.Expires) > 0:
		return refuse("a security event token does not expire")
	}
	s.ID = claims.ID
	for kind, e := range claims.Events {
		s.Type = kind
		if claims.Of == nil {
			claims.Of = e.Subject // before SSF 1.0 the subject stood in the event
		}
		for _, text := range e.Reason {
			s.Reason = text
		}
	}
	if claims.Of != nil {
		s.Of = *claims.Of
	}
	return s, time.Unix(int64(at), 0), nil
}

// Signal verifies a security event token of an organisation's provider: signature by its published keys, issuer, audience
// and age.
func (p *Providers) Signal(ctx context.Context, issuer, compact string, audiences []string) (Signal, error) {
	s, issued, err := ReadSignal(compact)
	if err != nil {
		return s, err
	}
	if now := p.clock(); issued.After(now.Add(signalSkew)) || issued.Before(now.Add(-SignalAge)) {
		return s, fmt.Errorf("%w: iat is too far from now", ErrSignal)
	}
	d, err := p.describe(ctx, issuer)
	if err != nil {
		return s, err
	}
	verifier := d.provider.VerifierContext(oidc.ClientContext(ctx, p.client), &oidc.Config{SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true, Now: p.clock})
	token, err := verifier.Verify(ctx, compact)
	switch {
	case err != nil:
		return s, fmt.Errorf("%w: the signature is not by a key of the issuer", ErrSignalKey)
	case token.Issuer != issuer:
		return s, fmt.Errorf("%w: the token is of another issuer", ErrSignalIssuer)
	case !slices.ContainsFunc(token.Audience, func(a string) bool { return slices.Contains(audiences, a) }):
		return s, fmt.Errorf("%w: the token is for another audience", ErrSignalAudience)
	}
	return s, nil
}
