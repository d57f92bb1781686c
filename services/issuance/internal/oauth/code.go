package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

// redeemCode is RFC 6749 §4.1.3 with RFC 7636 §4.6.
func (s *Server) redeemCode(ctx context.Context, q *tokenRequest) (tokenResponse, error) {
	if err := s.openly(ctx, q); err != nil {
		return tokenResponse{}, err
	}
	c, err := s.Underway.Code(ctx, q.form.Get("code"), s.Now())
	uri := q.form.Get("redirect_uri")
	switch {
	case errors.Is(err, underway.ErrUnknown):
		return tokenResponse{}, invalidGrant("the code is not known")
	case err != nil:
		return tokenResponse{}, err
	case c.Request.ClientID != q.client.id:
		return tokenResponse{}, invalidGrant("the code is not known")
	case c.Request.Named && uri != c.Request.RedirectURI, uri != "" && uri != c.Request.RedirectURI:
		return tokenResponse{}, invalidGrant("redirect_uri is not the one the code was sent to")
	case !proves(q.form.Get("code_verifier"), c.Request.Challenge):
		return tokenResponse{}, invalidGrant("code_verifier does not fit")
	}
	return s.give(ctx, q, c, authorizationCode)
}

// proves says whether a verifier is the one a challenge was made of (RFC 7636 §4.6).
func proves(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 || strings.Trim(verifier, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") != "" {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// give makes the person's decision a fact, in the knowledge they decided in, and the first tokens of it. Redeeming anything a
// second time ends the consent instead.
func (s *Server) give(ctx context.Context, q *tokenRequest, c underway.Code, flow string) (none tokenResponse, err error) {
	state, now := q.client.state, s.Now()
	jkt := ""
	if q.binding != nil {
		jkt = q.binding.JKT
	}
	scopes := slices.DeleteFunc(slices.Clone(c.Request.Scopes), func(scope string) bool { return !slices.Contains(state.Scopes, scope) })
	switch {
	case c.Request.KeyThumbprint != "" && c.Request.KeyThumbprint != jkt:
		return none, invalidGrant("the code is bound to another key (RFC 9449 §10)")
	case (q.client.public() || state.BoundTokens) && q.binding == nil:
		return none, invalidGrant("tokens of this client are bound to a key: prove possession of one")
	case len(scopes) == 0 && !q.client.own():
		return none, invalidGrant("nothing is left of what the client may do")
	}
	if !q.client.own() {
		if err := target(q.form, state.ProductID); err != nil {
			return none, err
		}
	}
	cmd := consent.Give{PersonID: c.Decision.PersonID, ApplicationID: state.ApplicationID, OrganizationID: state.Organization, ProductID: state.ProductID,
		Scopes: scopes, Now: now, MaxLife: consent.MaxLife(state.Class), ExpiresAt: now.Add(consent.MaxLife(state.Class)), Flow: "authorization_code"}
	if cmd.CredentialID = q.client.id; q.client.own() {
		cmd.CredentialID, cmd.OwnClient, cmd.OrganizationID = "", q.client.id, c.Decision.OrganizationID
		cmd.MaxLife, cmd.ExpiresAt = ownLife, now.Add(ownLife)
	} else if state.ExpiresAt.Before(cmd.ExpiresAt) {
		cmd.ExpiresAt = state.ExpiresAt
	}
	if flow == deviceCode {
		cmd.Flow = "device"
	}
	if q.client.public() {
		cmd.KeyThumbprint = jkt
	}
	token := ""
	if q.client.may(refreshToken) {
		token, cmd.Fingerprint = s.newRefreshToken(c.ConsentID, 1)
	}
	if late := !now.Before(c.ExpiresAt); late {
		cmd.ExpiresAt = now // too late to begin with; but what was redeemed in time is noticed to be redeemed again
	}
	out, err := s.giveOnce(ctx, q.client, c, cmd)
	switch {
	case errors.Is(err, consent.ErrTooLong):
		return none, invalidGrant("the code is over")
	case errors.Is(err, consent.ErrEnded):
		s.replayed(ctx, q.client, strings.TrimPrefix(flow, "urn:ietf:params:oauth:grant-type:"))
		return none, invalidGrant("the code was used before")
	case err != nil:
		return none, err
	}
	given, ok := out.Facts[0].(*issuancev1.ConsentGiven)
	if !ok {
		s.replayed(ctx, q.client, strings.TrimPrefix(flow, "urn:ietf:params:oauth:grant-type:"))
		if err := s.reach(ctx, out.Position); err != nil {
			return none, err
		}
		return none, invalidGrant("the code was used before, and what came of it is ended")
	}
	if err := s.stands(ctx, c.ConsentID, out.Position); err != nil {
		return none, err
	}
	m, err := s.mint(ctx, s.acting(q, c.ConsentID, given.PersonId, given.Scopes, cmd, out.Position, c.Decision))
	if err != nil {
		return none, err
	}
	answer := m.response()
	answer.RefreshToken = token
	return answer, nil
}

// giveOnce makes the decision a fact; where it is one already, the client that came again is the actor of what that leads to.
func (s *Server) giveOnce(ctx context.Context, cl client, c underway.Code, cmd consent.Give) (eventlog.Outcome, error) {
	for {
		before, _, err := s.Consents.LoadLeader(ctx, c.ConsentID)
		if err != nil {
			return eventlog.Outcome{}, err
		}
		if before.Given {
			m := eventlog.MetaFrom(as(ctx, cl))
			m.CommandID = "" // the same request twice is reuse, never a repeat
			return s.Consents.Handle(eventlog.WithMeta(ctx, m), c.ConsentID, cmd)
		}
		// What was decided in the knowledge of then cannot stand on what came since: the other of two at once was first.
		if out, err := s.Consents.Handle(decided(ctx, c.Decision), c.ConsentID, cmd); !errors.Is(err, eventlog.ErrBehind) {
			return out, err
		}
	}
}

// acting is a token for a client that acts for a person.
func (s *Server) acting(q *tokenRequest, consentID, personID string, scopes []string, of consent.Give, seen uint64, d underway.Decision) issuing {
	i := issuing{client: q.client, scopes: scopes, subject: personID, consent: consentID, binding: q.binding, until: of.ExpiresAt, seen: seen}
	if q.client.own() {
		i.own = &ownToken{organization: of.OrganizationID, decision: d}
	}
	return i
}

// stands waits until the consent's own fact is folded, and refuses what an end that came between has ended.
func (s *Server) stands(ctx context.Context, consentID string, position uint64) error {
	if err := s.reach(ctx, position); err != nil {
		return err
	}
	if err := s.Fold.Live(lineage.Ref{Kind: "consent", ID: consentID}, s.Now()); err != nil {
		return invalidGrant("the consent has ended").because("consent_ended")
	}
	return nil
}

// decided makes the person the actor, in the session and the knowledge they decided in.
func decided(ctx context.Context, d underway.Decision) context.Context {
	m := eventlog.MetaFrom(ctx)
	assurance := &eventv1.Assurance{Acr: d.ACR, Amr: d.AMR}
	if !d.AuthTime.IsZero() {
		assurance.AuthenticatedAt = timestamppb.New(d.AuthTime)
	}
	return eventlog.WithMeta(ctx, eventlog.Meta{
		Actor:         &eventv1.Actor{Id: d.PersonID, Kind: "person", Session: d.SessionID},
		Source:        &eventv1.Source{RequestId: d.RequestID, Ip: d.IP, UserAgent: d.UserAgent},
		Assurance:     assurance,
		CorrelationID: m.CorrelationID, Seen: d.Seen,
	})
}
