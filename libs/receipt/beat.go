// Package receipt is the proof that an ending is felt: what each authorizer said, under its own key, of how far it had
// applied the log, and the issuer's signature over all of it.
package receipt

import (
	"crypto/ed25519"
	"fmt"
	"time"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// Beat is an authorizer's word: whatever it answers from At on rests on Position or a later one.
type Beat struct {
	Authorizer  string    `json:"authorizer"`
	Environment string    `json:"environment,omitempty"`
	Position    uint64    `json:"position"`
	At          time.Time `json:"at"`
	KeyID       string    `json:"key_id"`
	Signature   []byte    `json:"signature"`
}

// words are what is signed: no other text of this suite begins with the first of them.
func (b Beat) words() []byte {
	return fmt.Appendf(nil, "chancery-applied/1\n%s\n%s\n%d\n%d\n", b.Authorizer, b.Environment, b.Position, b.At.UnixMilli())
}

// Sign puts the authorizer's name to it; At is cut to milliseconds.
func (b Beat) Sign(key ed25519.PrivateKey) Beat {
	b.At = time.UnixMilli(b.At.UnixMilli()).UTC()
	b.Signature = ed25519.Sign(key, b.words())
	return b
}

// Holds says whether the key signed it.
func (b Beat) Holds(key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, b.words(), b.Signature)
}

// Message is the form on PULSE.
func (b Beat) Message() *eventv1.Applied {
	return &eventv1.Applied{Position: b.Position, Authorizer: b.Authorizer, Environment: b.Environment, At: b.At.UnixMilli(), KeyId: b.KeyID, Signature: b.Signature}
}

// Of reads the form on PULSE; whether it holds is not said.
func Of(m *eventv1.Applied) Beat {
	return Beat{m.GetAuthorizer(), m.GetEnvironment(), m.GetPosition(), time.UnixMilli(m.GetAt()).UTC(), m.GetKeyId(), m.GetSignature()}
}
