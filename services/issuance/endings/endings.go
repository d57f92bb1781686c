// Package endings is the signed list of what one fact ended: how it reads, and how anybody checks it offline.
package endings

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Type is the media type in the header of a statement, so that no token passes for one.
const Type = "chancery-ending+jwt"

// Node is one thing of a tree of descent.
type Node struct {
	Kind string `json:"kind" doc:"organization, application, request, grant, credential, generation, consent, token, …"`
	ID   string `json:"id"`
}

// Cause is the one fact that ended everything on the list.
type Cause struct {
	Position uint64    `json:"position" doc:"Where in the log it stands"`
	ID       string    `json:"id" doc:"Id of the fact, as in every record and event"`
	Type     string    `json:"type" doc:"What happened, for example identity.v1.OrganizationClosed"`
	At       time.Time `json:"at" doc:"When the log stored it"`
	Of       Node      `json:"of" doc:"What it happened to"`
	ActorID  string    `json:"actor_id,omitempty"`
	Actor    string    `json:"actor_kind,omitempty"`
}

// Listed is one thing that the cause ended.
type Listed struct {
	Node
	Was     string `json:"was" enum:"live,paused" doc:"How it stood just before"`
	Parents []Node `json:"parents,omitempty" doc:"What it descends from directly"`
}

// List is everything one fact ended, in the order in which it had come to be.
type List struct {
	Cause     Cause          `json:"cause"`
	Count     int            `json:"count" doc:"How many things the fact ended, itself included"`
	Kinds     map[string]int `json:"kinds" doc:"The count of each kind"`
	Ended     []Listed       `json:"ended"`
	Statement string         `json:"statement,omitempty" doc:"Compact JWS over cause, count and digest of the list, by the key of /oauth2/jwks it names"`
}

// Statement is what is signed.
type Statement struct {
	Issuer   string         `json:"iss"`
	IssuedAt int64          `json:"iat"`
	Cause    Cause          `json:"cause"`
	Count    int            `json:"count"`
	Kinds    map[string]int `json:"kinds"`
	// Digest is that of List.Digest.
	Digest string `json:"sha256"`
}

// Digest is the SHA-256 in hexadecimal over one line "kind id was" for each thing, in order.
func (l List) Digest() string {
	h := sha256.New()
	for _, e := range l.Ended {
		fmt.Fprintf(h, "%s %s %s\n", e.Kind, e.ID, e.Was)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Counted fills in count and kinds.
func (l *List) Counted() {
	l.Count, l.Kinds = len(l.Ended), map[string]int{}
	for _, e := range l.Ended {
		l.Kinds[e.Kind]++
	}
}

// Refusals of a list.
var (
	ErrUnsigned  = errors.New("the list carries no statement")
	ErrSignature = errors.New("the statement was not signed by a key of the issuer")
	ErrChanged   = errors.New("the list is not the one that was signed")
)

// Verify checks a list against the issuer's keys, RFC 7517, and gives what was signed.
func Verify(l List, keys jose.JSONWebKeySet) (s Statement, err error) {
	if l.Statement == "" {
		return s, ErrUnsigned
	}
	jws, err := jose.ParseSignedCompact(l.Statement, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || len(jws.Signatures) != 1 {
		return s, ErrSignature
	}
	header := jws.Signatures[0].Protected
	found := keys.Key(header.KeyID)
	if typ, _ := header.ExtraHeaders[jose.HeaderType].(string); typ != Type || len(found) != 1 {
		return s, ErrSignature
	}
	payload, err := jws.Verify(found[0].Key)
	if err != nil {
		return s, ErrSignature
	}
	if err := json.Unmarshal(payload, &s); err != nil {
		return s, ErrSignature
	}
	l.Counted()
	if s.Digest != l.Digest() || s.Count != l.Count || s.Cause != l.Cause {
		return s, ErrChanged
	}
	return s, nil
}
