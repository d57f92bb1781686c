package oauth

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/lineage"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
)

const (
	grantExchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
)

var errSubject = invalidRequest("the subject_token is not an access token of this server that is good now")

// exchange is RFC 8693: one of our own access tokens for one that reaches less and lives shorter, in the hands of the
// client that asks. The client comes from the same organisation and environment, and gets no scope that its own live grant
// does not hold.
func (s *Server) exchange(ctx context.Context, q *tokenRequest) (none tokenResponse, err error) {
	requested := q.form.Get("requested_token_type")
	if requested != "" && requested != typeAccessToken && requested != typeJWT {
		return none, invalidRequest("requested_token_type is an access token")
	}
	subject, err := s.exchangeable(ctx, q, "subject_token", errSubject)
	if err != nil {
		return none, err
	}
	if err := targets(q.form, q.client.state.ProductID); err != nil {
		return none, err
	}
	if err := mayExchange(subject, q.client); err != nil {
		return none, err
	}
	i := issuing{
		client: q.client, subject: subject.Subject, consent: subject.Consent, binding: q.binding, actor: subject.Actor,
		chain: append([]accesstoken.Link{subject.Link()}, subject.Chain...), until: subject.Expires.Time(),
	}
	if subject.Confirmation != nil { // possession was proven, and goes on to be
		i.binding = subject.Confirmation
	}
	if subject.ClientID != q.client.id {
		i.actor = &accesstoken.Actor{Subject: q.client.id, Actor: subject.Actor}
	}
	if q.form.Has("actor_token") || q.form.Has("actor_token_type") {
		if err := s.acts(ctx, q, subject, &i); err != nil {
			return none, err
		}
	}
	if len(i.chain) > accesstoken.MaxChain {
		return none, invalidRequest("too many exchanges stand before this one")
	}
	if i.scopes, err = narrowed(both(subject.Scopes(), q.client.state.Scopes), q.form); err != nil {
		return none, err
	}
	if len(i.scopes) == 0 {
		return none, invalidTarget("the subject_token and the client's own grant have no scope in common")
	}
	i.record = exchanged
	m, err := s.mint(ctx, i)
	if err != nil {
		return none, err
	}
	response := m.response()
	response.IssuedTokenType = typeAccessToken
	if requested == typeJWT {
		response.IssuedTokenType = typeJWT
	}
	return response, nil
}

// exchangeable reads one of our own access tokens that is good now, whose possession the request proves if it is bound.
func (s *Server) exchangeable(ctx context.Context, q *tokenRequest, name string, refused error) (accesstoken.Claims, error) {
	compact, kind := q.form.Get(name), q.form.Get(name+"_type")
	if compact == "" || kind != typeAccessToken && kind != typeJWT {
		return accesstoken.Claims{}, invalidRequest(name + " and " + name + "_type are an access token and its type")
	}
	c, err := s.read(ctx, compact)
	if err != nil {
		return c, s.unreadable(err, refused)
	}
	if !s.possesses(q, c.Confirmation) {
		return c, invalidProof("possession of the key of the " + name + " is not proven")
	}
	return c, nil
}

// unreadable tells trouble of this server from a token that is not good.
func (s *Server) unreadable(err, refused error) error {
	if errors.Is(err, lineage.ErrBehind) {
		return err
	}
	return refused
}

// mayExchange is who may exchange whose token: a client one of its own organisation's in the same environment. A token that
// acts for a person is good for the product they gave their consent for and no other, and a client that was issued no
// generation of its own has nothing to act by.
func mayExchange(subject accesstoken.Claims, c client) error {
	switch {
	case subject.Organization != c.state.Organization, subject.Environment != c.state.Environment, subject.Generation == 0:
		return errSubject
	case subject.Consent != "" && subject.Product != c.state.ProductID:
		return invalidTarget("the person gave their consent for another product")
	}
	return nil
}

// acts takes account of the actor_token: a token of the very client that asks, issued to it for itself.
func (s *Server) acts(ctx context.Context, q *tokenRequest, subject accesstoken.Claims, i *issuing) error {
	refused := invalidRequest("the actor_token is not an access token that the client holds for itself")
	actor, err := s.exchangeable(ctx, q, "actor_token", refused)
	switch {
	case err != nil:
		return err
	case actor.ClientID != q.client.id || actor.Subject != actor.ClientID || actor.Consent != "":
		return refused
	case actor.ID == subject.ID:
		return nil
	}
	i.actor = &accesstoken.Actor{Subject: actor.Subject, Actor: subject.Actor}
	i.chain = append(append(i.chain, actor.Link()), actor.Chain...)
	if end := actor.Expires.Time(); end.Before(i.until) {
		i.until = end
	}
	if actor.Confirmation != nil && i.binding == nil {
		i.binding = actor.Confirmation
	}
	return nil
}

// targets are the resource (RFC 8707) and audience (RFC 8693 §2.1) of a request: the product of the client's grant.
func targets(f url.Values, productID string) error {
	for _, audience := range f["audience"] {
		if audience != accesstoken.AudienceOf(productID) {
			return invalidTarget("the client has no grant for this audience")
		}
	}
	return target(f, productID)
}

func both(a, b []string) (common []string) {
	for _, scope := range a {
		if slices.Contains(b, scope) {
			common = append(common, scope)
		}
	}
	return common
}

// exchanged is the observation of a token that was made from another.
func exchanged(c accesstoken.Claims) aggregate.Event {
	e := &activityv1.TokenExchanged{
		TokenId: c.ID, SubjectTokenId: c.Chain[0].ID, ClientId: c.ClientID, ApplicationId: c.Application, Scopes: c.Scopes(), Audience: c.Audience[0],
		ExpiresAt: timestamppb.New(c.Expires.Time()), KeyId: c.KeyID, Generation: c.Generation, Binding: bindingOf(c), Depth: uint32(len(c.Chain)),
	}
	if c.Consent != "" {
		e.PersonId = c.Subject
	}
	return e
}
