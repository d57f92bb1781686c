package oauth

import (
	"context"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/aggregate"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
)

const (
	// DefaultLifetime is how long an access token lives, MaxLifetime how long it may be made to.
	DefaultLifetime = 10 * time.Minute
	MaxLifetime     = time.Hour
)

// issuing is what an access token is made of.
type issuing struct {
	client client
	scopes []string
	// subject is the person the client acts for, and consent where they said so; empty for the client itself.
	subject, consent string
	// binding is the key of whom it is for; nil makes a bearer token, which a client whose tokens are bound does not get.
	binding *accesstoken.Confirmation
	actor   *accesstoken.Actor
	// chain is every token it is exchanged from, nearest first.
	chain []accesstoken.Link
	// until is the end of what it rests on beside the client's own secret; zero if that alone bounds it.
	until time.Time
	// seen is the position of the fold it rests on, where that is later than the one the client was found live on.
	seen uint64
	// own makes a token for the suite's own APIs; nil for one of a product.
	own *ownToken
	// record is the observation that stands for it; nil stands for TokenIssued.
	record func(accesstoken.Claims) aggregate.Event
}

// minted is a token that is recorded.
type minted struct {
	claims accesstoken.Claims
	signed string
	now    time.Time
}

func (m minted) response() tokenResponse {
	t := tokenResponse{AccessToken: m.signed, TokenType: "Bearer", ExpiresIn: int64(m.claims.Expires.Time().Sub(m.now).Seconds()), Scope: m.claims.Scope}
	if m.claims.Confirmation != nil && m.claims.Confirmation.JKT != "" {
		t.TokenType = "DPoP"
	}
	return t
}

// mint signs an access token and records it durably. It lives no longer than the secret and whatever else it rests on.
func (s *Server) mint(ctx context.Context, i issuing) (minted, error) {
	if i.client.state.BoundTokens && i.binding == nil {
		return minted{}, errUnbound
	}
	signer, err := s.Keys.Signer(ctx)
	if err != nil {
		return minted{}, err
	}
	now := s.Now()
	expires := s.expires(now, i)
	if !now.Before(expires) {
		return minted{}, invalidGrant("nothing is left of the time the token could live")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return minted{}, err
	}
	c, subject := i.client.state, i.subject
	if subject == "" {
		subject = i.client.id
	}
	if i.client.generation == 0 && i.own == nil {
		return minted{}, invalidClient() // a token without a generation would outlive every secret
	}
	m := minted{now: now, claims: accesstoken.Claims{
		Issuer: s.Issuer, Subject: subject, ClientID: i.client.id, Audience: jwt.Audience{accesstoken.AudienceOf(c.ProductID)},
		Expires: jwt.NewNumericDate(expires), IssuedAt: jwt.NewNumericDate(now), ID: id.String(), Scope: strings.Join(i.scopes, " "),
		Generation: i.client.generation, Application: c.ApplicationID, Organization: c.Organization,
		Product: c.ProductID, Environment: c.Environment, Seen: max(i.client.seen, i.seen),
		Consent: i.consent, Confirmation: i.binding, Actor: i.actor, Chain: i.chain, KeyID: signer.KeyID(),
	}}
	i.own.mark(&m.claims)
	if m.signed, err = signer.Sign(m.claims); err != nil {
		return minted{}, err
	}
	record := issuedOf
	if i.record != nil {
		record = i.record
	}
	return m, s.Observe(ctx, "token", record(m.claims))
}

// expires is when a token ends: seldom later than Lifetime allows, in whole seconds as the claim is.
func (s *Server) expires(now time.Time, i issuing) time.Time {
	lifetime := s.Lifetime
	if lifetime == 0 {
		lifetime = DefaultLifetime
	}
	expires := now.Add(lifetime)
	for _, g := range i.client.state.Generations {
		if g.Number == i.client.generation && g.ExpiresAt.Before(expires) {
			expires = g.ExpiresAt
		}
	}
	if !i.until.IsZero() && i.until.Before(expires) {
		expires = i.until
	}
	return expires.Truncate(time.Second)
}

// issuedOf is the observation of a token.
func issuedOf(c accesstoken.Claims) aggregate.Event {
	e := &activityv1.TokenIssued{
		TokenId: c.ID, ClientId: c.ClientID, ApplicationId: c.Application, Scopes: c.Scopes(), Audience: c.Audience[0],
		ExpiresAt: timestamppb.New(c.Expires.Time()), KeyId: c.KeyID, Generation: c.Generation, ConsentId: c.Consent, Binding: bindingOf(c),
	}
	if c.Consent != "" {
		e.PersonId = c.Subject
	}
	return e
}

// bindingOf is how a token is bound, as it is recorded: bearer | dpop | mtls.
func bindingOf(c accesstoken.Claims) string {
	switch {
	case c.Confirmation == nil:
		return "bearer"
	case c.Confirmation.JKT != "":
		return "dpop"
	}
	return "mtls"
}
