package signal

import (
	"time"

	"github.com/google/uuid"
)

// TokenType is the media type of a security event token, RFC 8417 §2.3.
const TokenType = "secevent+jwt"

// Identifier is what an event is about as receivers read it, RFC 9493: people and clients by issuer and subject as in
// their tokens, a token by its jti, anything else by its id.
func Identifier(issuer string, s, session Subject) map[string]any {
	var id map[string]any
	switch s.Kind {
	case "person", "credential":
		id = map[string]any{"format": "iss_sub", "iss": issuer, "sub": s.ID}
	case "token":
		id = map[string]any{"format": "jwt_id", "iss": issuer, "jti": s.ID}
	default:
		id = map[string]any{"format": "opaque", "id": s.ID}
	}
	if session.ID == "" {
		return id
	}
	return map[string]any{"format": "complex", "user": id, "session": map[string]any{"format": "opaque", "id": session.ID}}
}

// Token is the claims set of a security event token, RFC 8417 §2.2.
type Token struct {
	Issuer   string                    `json:"iss"`
	ID       string                    `json:"jti"`
	IssuedAt int64                     `json:"iat"`
	Audience string                    `json:"aud"`
	Txn      string                    `json:"txn,omitempty"`
	Subject  map[string]any            `json:"sub_id"`
	Events   map[string]map[string]any `json:"events"`
}

var namespace = uuid.MustParse("b1f2b7e4-6b0f-5c0a-8f4e-0d5a5b2f7c11")

// TokenID is the jti of what a stream tells of a fact: the same however often it is sent, so that a receiver takes it once.
func TokenID(streamID, factID string) string {
	return uuid.NewSHA1(namespace, []byte(streamID+"\x00"+factID)).String()
}

// Members are those of an event of a type: when it happened, by whom, and what is its own.
func Members(kind string, at time.Time, actor, reason string, own map[string]any) map[string]any {
	m := map[string]any{"event_timestamp": at.Unix(), "initiating_entity": initiator(actor)}
	if reason != "" {
		m["reason_admin"] = map[string]any{"en": reason}
	}
	if kind == Verification {
		m = map[string]any{}
	}
	for name, value := range own {
		m[name] = value
	}
	return m
}

// initiator is CAEP 1.0 §2's word for a kind of actor.
func initiator(kind string) string {
	switch kind {
	case "person":
		return "admin"
	case "client":
		return "user"
	case "service":
		return "policy"
	}
	return "system"
}
