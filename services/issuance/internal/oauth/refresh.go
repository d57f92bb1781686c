package oauth

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/secret"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

// A refresh token is a key of its own kind, which scanners find, a dot, and what it is of: the consent (16 bytes), its number (4)
// and 16 bytes of a MAC over all of it under the pepper. So one that was replaced is known for ours without being stored.
const refreshTail = 16 + 4 + 16

func (s *Server) newRefreshToken(consentID string, number uint32) (token string, fingerprint []byte) {
	key := secret.NewKey(secret.Refresh).Reveal()
	id := uuid.MustParse(consentID)
	tail := binary.BigEndian.AppendUint32(id[:], number)
	mac := s.refreshMAC(key, tail)
	sum := s.Fingerprints.Of(key)
	return key + "." + base64.RawURLEncoding.EncodeToString(append(tail, mac...)), sum[:]
}

func (s *Server) refreshMAC(key string, tail []byte) []byte {
	mac := s.Fingerprints.Of("refresh_token\x00" + key + string(tail))
	return mac[:16]
}

// readRefreshToken recognises a refresh token of ours, whether or not it still works.
func (s *Server) readRefreshToken(token string) (consentID string, number uint32, fingerprint []byte, ok bool) {
	text, rest, _ := strings.Cut(token, ".")
	key, err := secret.Parse(text)
	if err != nil || key.Environment != secret.Refresh || len(rest) != base64.RawURLEncoding.EncodedLen(refreshTail) {
		return "", 0, nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil || !hmac.Equal(s.refreshMAC(text, raw[:20]), raw[20:]) {
		return "", 0, nil, false
	}
	sum := s.Fingerprints.Of(text)
	return uuid.UUID(raw[:16]).String(), binary.BigEndian.Uint32(raw[16:20]), sum[:], true
}

func isRefreshToken(token string) bool {
	return strings.HasPrefix(token, "chy_"+string(secret.Refresh)+"_")
}

// family is what a refresh token is of.
type family struct {
	id          string
	number      uint32
	fingerprint []byte
	state       consent.State
}

// familyOf is the consent a refresh token is of, if it is one of this client's.
func (s *Server) familyOf(ctx context.Context, c client, token string) (f family, err error) {
	var ok bool
	unknown := invalidGrant("the refresh token is not known")
	if f.id, f.number, f.fingerprint, ok = s.readRefreshToken(token); !ok {
		return f, unknown
	}
	state, tail, err := s.Consents.LoadLeader(ctx, f.id)
	if err != nil {
		return f, err
	}
	if f.state = state; !state.Given || state.CredentialID != c.id && !(c.own() && state.OwnClient == c.id) {
		return f, unknown
	}
	return f, s.reach(ctx, tail)
}

// refresh is RFC 6749 §6: each refresh token works once, and one that was replaced ends its family.
func (s *Server) refresh(ctx context.Context, q *tokenRequest) (none tokenResponse, err error) {
	if err := s.openly(ctx, q); err != nil {
		return none, err
	}
	f, err := s.familyOf(ctx, q.client, q.form.Get("refresh_token"))
	if err != nil {
		return none, err
	}
	id, number, state := f.id, f.number, f.state
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
	token, next := s.newRefreshToken(id, state.Number+1)
	m := eventlog.MetaFrom(ctx)
	m.CommandID = "" // the same request twice is reuse, never a repeat
	m.Actor = &eventv1.Actor{Id: q.client.id, Kind: "client"}
	m.OnBehalfOf = &eventv1.Actor{Id: state.PersonID, Kind: "person"}
	ctx = eventlog.WithMeta(ctx, m)
	out, err := s.Consents.Handle(ctx, id, consent.Refresh{Number: number, Fingerprint: f.fingerprint, KeyThumbprint: jkt, Now: s.Now(), Next: next})
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
	if !isRefreshToken(token) {
		return false, nil
	}
	f, err := s.familyOf(ctx, c, token)
	var refused *refusal
	if errors.As(err, &refused) {
		return true, nil // nothing to end
	}
	if err != nil {
		return true, err
	}
	out, err := s.Consents.Handle(as(ctx, c), f.id, consent.Revoke{Reason: "client_revoked"})
	if err == nil {
		err = s.ended(ctx, out.Position)
	}
	return true, err
}

// ended returns once this instance refuses what ended at a position, and authorizers do or have had their time.
func (s *Server) ended(ctx context.Context, position uint64) error {
	if err := s.reach(ctx, position); err != nil {
		return err
	}
	if s.Felt != nil {
		s.Felt(ctx, position)
	}
	return nil
}

// introspectRefresh tells a client of its own refresh token (RFC 7662); false if the token is none.
func (s *Server) introspectRefresh(ctx context.Context, c client, token string) (introspection, bool, error) {
	if !isRefreshToken(token) {
		return introspection{}, false, nil
	}
	f, err := s.familyOf(ctx, c, token)
	state := f.state
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return introspection{}, true, nil
	case err != nil:
		return introspection{}, true, err
	case !state.Newest(f.fingerprint) || s.stands(ctx, f.id, 0) != nil:
		return introspection{}, true, nil
	}
	return introspection{Active: true, Scope: strings.Join(state.Scopes, " "), ClientID: c.id, Expires: state.ExpiresAt.Unix(), Subject: state.PersonID, Issuer: s.Issuer}, true, nil
}
