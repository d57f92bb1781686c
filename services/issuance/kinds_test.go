package issuance_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// proven is a key proof over a fresh challenge.
func (s *scene) proven(key crypto.Signer) map[string]any {
	s.Helper()
	c := s.want(s.call(&s.owner, "POST", "/v1/credentials/challenges", nil), 200, "")
	o := &jose.SignerOptions{EmbedJWK: true}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, o.WithType("chancery-key-proof+jwt"))
	if err != nil {
		s.Fatal(err)
	}
	payload, _ := json.Marshal(map[string]any{"aud": c.body["audience"], "nonce": c.body["challenge"]})
	signed, err := signer.Sign(payload)
	if err != nil {
		s.Fatal(err)
	}
	compact, _ := signed.CompactSerialize()
	return map[string]any{"key_proof": compact, "challenge": c.body["challenge"]}
}

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func with(body map[string]any, more map[string]any) map[string]any {
	for k, v := range more {
		body[k] = v
	}
	return body
}

func TestAClientsOwnKeyIsRegisteredOnce(t *testing.T) { // D4, D5, D16
	s := newScene(t)
	s.want(s.issue("api_key", s.grant), 201, "") // the authorization is open
	ask := func(more map[string]any, headers ...string) reply {
		return s.call(&s.owner, "POST", "/v1/credentials", with(map[string]any{"grant_id": s.grant, "kind": "client_key", "name": "ci"}, more), headers...)
	}
	key := newKey(t)
	first := s.proven(key)
	issued := s.want(ask(first, "Idempotency-Key", "k1"), 201, "")
	if issued.body["secret"] != nil || issued.body["shown"] != false || issued.body["hint"] == "" {
		t.Fatalf("issued %v", issued.body)
	}
	again := s.want(ask(first, "Idempotency-Key", "k1"), 201, "")
	if again.body["id"] != issued.body["id"] {
		t.Fatal("a repeated command issued another credential")
	}
	s.want(ask(first), 409, "key_reused")
	s.want(ask(s.proven(key)), 409, "key_reused")
	s.want(ask(nil), 422, "proof_of_another_kind")
	s.want(ask(with(s.proven(newKey(t)), map[string]any{"challenge": "x"})), 422, "challenge_over")
	s.want(ask(with(s.proven(newKey(t)), map[string]any{"kind": "api_key"})), 422, "proof_of_another_kind")

	// What the domain refuses takes no key.
	spare := s.proven(newKey(t))
	s.want(ask(with(map[string]any{"scopes": []string{"payments:write"}}, spare)), 422, "scopes_outside_grant")
	other := s.want(ask(spare), 201, "").body["id"].(string)

	at := "/v1/credentials/" + issued.body["id"].(string)
	rotate := func(more map[string]any) reply {
		return s.call(&s.owner, "POST", at+"/rotate", with(map[string]any{"overlap_seconds": 0}, more))
	}
	s.want(rotate(s.proven(key)), 409, "key_reused")
	next := newKey(t)
	s.want(rotate(s.proven(next)), 201, "")
	s.want(rotate(s.proven(key)), 409, "key_reused") // retired for good
	s.want(s.call(&s.owner, "POST", at+"/revoke", map[string]any{"reason": "no_longer_needed"}), 200, "")
	s.want(ask(s.proven(next)), 409, "key_reused")
	s.want(s.call(&s.owner, "POST", "/v1/credentials/"+other+"/rotate", with(map[string]any{"overlap_seconds": 0}, s.proven(next))), 409, "key_reused")
	position := issued.header.Get("Chancery-Position")
	read := s.want(s.call(&s.owner, "GET", at, nil, "Chancery-Position", position), 200, "")
	if g := read.body["generations"].([]any)[0].(map[string]any); len(g["public_key_sha256"].(string)) != 64 {
		t.Fatalf("read %v", read.body)
	}
}
