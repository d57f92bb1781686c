package oauth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

// A refresh token names its consent and its number, so that one which was replaced is known for ours without being stored:
// consent (16 bytes), number (4), random (32), and 16 bytes of a MAC over these under the pepper.
const (
	refreshPrefix = "chy_rt_"
	refreshBody   = 16 + 4 + 32
	refreshBytes  = refreshBody + 16
)

func (s *Server) newRefreshToken(consentID string, number uint32) (token string, fingerprint []byte) {
	raw := make([]byte, refreshBody, refreshBytes)
	id := uuid.MustParse(consentID)
	copy(raw, id[:])
	binary.BigEndian.PutUint32(raw[16:], number)
	_, _ = rand.Read(raw[20:])
	mac := s.Fingerprints.Of("refresh_token\x00" + string(raw))
	token = refreshPrefix + base64.RawURLEncoding.EncodeToString(append(raw, mac[:16]...))
	sum := s.Fingerprints.Of(token)
	return token, sum[:]
}

// readRefreshToken recognises a refresh token of ours, whether or not it still works.
func (s *Server) readRefreshToken(token string) (consentID string, number uint32, ok bool) {
	body, ok := strings.CutPrefix(token, refreshPrefix)
	if !ok || len(body) != base64.RawURLEncoding.EncodedLen(refreshBytes) {
		return "", 0, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return "", 0, false
	}
	mac := s.Fingerprints.Of("refresh_token\x00" + string(raw[:refreshBody]))
	if !hmac.Equal(mac[:16], raw[refreshBody:]) {
		return "", 0, false
	}
	return uuid.UUID(raw[:16]).String(), binary.BigEndian.Uint32(raw[16:20]), true
}

// family is the consent a refresh token is of, if it is one of this client's.
func (s *Server) family(ctx context.Context, c client, token string) (id string, number uint32, state consent.State, err error) {
	id, number, ok := s.readRefreshToken(token)
	if !ok {
		return "", 0, state, invalidGrant("the refresh token is not known")
	}
	state, tail, err := s.Consents.LoadLeader(ctx, id)
	if err != nil {
		return "", 0, state, err
	}
	if !state.Given || state.CredentialID != c.id && !(c.own() && state.OwnClient == c.id) {
		return "", 0, state, invalidGrant("the refresh token is not known")
	}
	return id, number, state, s.reach(ctx, tail)
}

// refresh is RFC 6749 §6: each refresh token works once, and one that was replaced ends its family.
func (s *Server) refresh(ctx context.Context, q *tokenRequest) (none tokenResponse, err error) {
	if err := s.openly(ctx, q); err != nil {
		return none, err
	}
	presented := q.form.Get("refresh_token")
	id, number, state, err := s.family(ctx, q.client, presented)
	if err != nil {
		return none, err
	}
	jkt := ""
	if q.binding != nil {
		jkt = q.binding.JKT
	}
	if number >= state.Number { // one that was replaced is reported, whatever else is wrong
		if err := s.stands(ctx, id, 0); err != nil {
			return none, err
		}
		if (q.client.public() || q.client.state.BoundTokens) && q.binding == nil {
			return none, invalidGrant("tokens of this client are bound to a key: prove possession of one")
		}
	}
	allowed := slices.DeleteFunc(slices.Clone(state.Scopes), func(scope string) bool { return !slices.Contains(q.client.state.Scopes, scope) })
	scopes, err := allowed, error(nil)
	if !q.client.own() {
		if scopes, err = narrowed(allowed, q.form); err == nil {
			err = target(q.form, state.ProductID)
		}
		if err == nil && len(scopes) == 0 {
			err = invalidGrant("nothing is left of what the client may do")
		}
		if err != nil && number >= state.Number {
			return none, err
		}
	}
	sum := s.Fingerprints.Of(presented)
	token, next := s.newRefreshToken(id, state.Number+1)
	m := eventlog.MetaFrom(ctx)
	m.CommandID = "" // the same request twice is reuse, never a repeat
	m.Actor = &eventv1.Actor{Id: q.client.id, Kind: "client"}
	m.OnBehalfOf = &eventv1.Actor{Id: state.PersonID, Kind: "person"}
	ctx = eventlog.WithMeta(ctx, m)
	out, err := s.Consents.Handle(ctx, id, consent.Refresh{Number: number, Fingerprint: sum[:], KeyThumbprint: jkt, Now: s.Now(), Next: next})
	switch {
	case errors.Is(err, consent.ErrKey):
		return none, invalidGrant("the refresh token is bound to another key (RFC 9449 §5)")
	case errors.Is(err, consent.ErrEnded), errors.Is(err, consent.ErrToken), errors.Is(err, consent.ErrUnknown):
		return none, invalidGrant("the refresh token does not work any more")
	case err != nil:
		return none, err
	}
	if _, ok := out.Facts[0].(*issuancev1.ConsentRefreshed); !ok {
		if err := s.reach(ctx, out.Position); err != nil {
			return none, err
		}
		return none, invalidGrant("the refresh token was used before, and what came of it is ended").because("refresh_token_reused")
	}
	if err := s.stands(ctx, id, out.Position); err != nil {
		return none, err
	}
	of := consent.Give{ExpiresAt: state.ExpiresAt, OrganizationID: state.Organization}
	issued, err := s.mint(ctx, s.acting(q, id, state.PersonID, scopes, of, out.Position, underway.Decision{}))
	if err != nil {
		return none, err
	}
	answer := issued.response()
	answer.RefreshToken = token
	return answer, nil
}

// revokeRefresh ends the consent of a refresh token of the client (RFC 7009 §2.1); false if the token is none.
func (s *Server) revokeRefresh(ctx context.Context, c client, token string) (bool, error) {
	if !strings.HasPrefix(token, refreshPrefix) {
		return false, nil
	}
	id, _, _, err := s.family(ctx, c, token)
	var refused *refusal
	if errors.As(err, &refused) {
		return true, nil // nothing to end
	}
	if err != nil {
		return true, err
	}
	out, err := s.Consents.Handle(as(ctx, c), id, consent.Revoke{Reason: "client_revoked"})
	if err == nil {
		err = s.reach(ctx, out.Position)
	}
	return true, err
}

// introspectRefresh tells a client of its own refresh token (RFC 7662); false if the token is none.
func (s *Server) introspectRefresh(ctx context.Context, c client, token string) (introspection, bool, error) {
	if !strings.HasPrefix(token, refreshPrefix) {
		return introspection{}, false, nil
	}
	id, _, state, err := s.family(ctx, c, token)
	var refused *refusal
	sum := s.Fingerprints.Of(token)
	switch {
	case errors.As(err, &refused):
		return introspection{}, true, nil
	case err != nil:
		return introspection{}, true, err
	case !state.Newest(sum[:]) || s.stands(ctx, id, 0) != nil:
		return introspection{}, true, nil
	}
	return introspection{Active: true, Scope: strings.Join(state.Scopes, " "), ClientID: c.id, Expires: state.ExpiresAt.Unix(), Subject: state.PersonID, Issuer: s.Issuer}, true, nil
}
