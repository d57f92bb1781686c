package principal_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/principal"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

var ann = principal.Principal{
	ID: "person-1", Kind: principal.Person, Organization: "org-1", Roles: []string{principal.AppOwner}, Session: "session-1",
	SessionSeen: 7, ACR: "urn:mfa", AMR: []string{"pwd", "otp", "mfa"}, AuthTime: now.Add(-2 * time.Minute), Seen: 12,
}

type world struct {
	ring     principal.Keyring
	position uint64
	refused  []error
}

func (w *world) publish(f *eventv1.SignerKeyPublished) {
	w.publishOn(principal.SignerSubject(f.GetService(), f.GetKeyId()), f)
}

func (w *world) publishOn(subject string, f proto.Message) {
	w.position++
	w.ring.Refused = func(err error) { w.refused = append(w.refused, err) }
	w.ring.Apply(w.position, subject, []proto.Message{f})
}

func (w *world) verifier(audience string) principal.Verifier {
	return principal.Verifier{Audience: audience, Clock: clock, Keyring: &w.ring}
}

func signer(t *testing.T, service string) *principal.Signer {
	t.Helper()
	s, err := principal.NewSigner(service, clock, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t *testing.T, s *principal.Signer, p principal.Principal, audience string) string {
	t.Helper()
	token, err := s.Sign(p, audience)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestATokenSpeaksForItsCallerToItsAudience(t *testing.T) {
	var w world
	portal := signer(t, "portal")
	w.publish(portal.Public())
	got, err := w.verifier("approval").Verify(sign(t, portal, ann, "approval"))
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != ann.ID || got.Kind != ann.Kind || got.Organization != ann.Organization || !slices.Equal(got.Roles, ann.Roles) ||
		got.Session != ann.Session || got.SessionSeen != 7 || got.Seen != 12 || !got.AuthTime.Equal(ann.AuthTime) || !got.MultiFactor() ||
		got.Voucher != "portal" || got.KeyID != portal.Public().GetKeyId() || !got.Expires.Equal(now.Add(time.Minute)) {
		t.Fatalf("%+v", got)
	}
	if until := got.FreshUntil(5 * time.Minute); !until.Equal(now.Add(3 * time.Minute)) {
		t.Fatalf("fresh until %v", until)
	}
	own := principal.Principal{ID: "portal", Kind: principal.Service}
	if _, err := w.verifier("identity").Verify(sign(t, portal, own, "identity")); err != nil {
		t.Fatalf("a service speaks for itself: %v", err)
	}
	next, err := portal.Next(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w.publish(next.Public)
	old := sign(t, portal, ann, "approval")
	next.Use()
	for _, token := range []string{old, sign(t, portal, ann, "approval")} {
		if _, err := w.verifier("approval").Verify(token); err != nil {
			t.Fatalf("across a renewal of the key: %v", err)
		}
	}
}

// raw signs what the Signer never would.
type raw struct {
	key     ed25519.PrivateKey
	id      string
	typ     jose.ContentType
	method  jose.SignatureAlgorithm
	hmacKey []byte
}

func (r raw) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	var key any = jose.JSONWebKey{Key: r.key, KeyID: r.id}
	if r.method == jose.HS256 {
		key = jose.JSONWebKey{Key: r.hmacKey, KeyID: r.id}
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: r.method, Key: key}, (&jose.SignerOptions{}).WithType(r.typ))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(claims)
	signed, err := s.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	token, _ := signed.CompactSerialize()
	return token
}

func publishRaw(t *testing.T, w *world, service string, notAfter time.Time) raw {
	t.Helper()
	_, private, _ := ed25519.GenerateKey(nil)
	next := fact(t, service, private, notAfter)
	w.publish(next)
	return raw{key: private, id: next.GetKeyId(), typ: "chancery-internal+jwt", method: jose.EdDSA}
}

func TestNoOtherTokenIsAccepted(t *testing.T) {
	var w world
	good := publishRaw(t, &w, "portal", now.Add(time.Hour))
	other := publishRaw(t, &w, "registry", now.Add(time.Hour))
	ended := publishRaw(t, &w, "portal", now.Add(-time.Minute))
	withdrawn := publishRaw(t, &w, "portal", now.Add(time.Hour))
	w.publishOn(principal.SignerSubject("portal", withdrawn.id), &eventv1.SignerKeyWithdrawn{Service: "portal", KeyId: withdrawn.id})
	unknown := good
	_, unknown.key, _ = ed25519.GenerateKey(nil)
	unknown.id = "nobody-published-this"
	forged := good
	_, forged.key, _ = ed25519.GenerateKey(nil)
	wrongType, noType := good, good
	wrongType.typ, noType.typ = "at+jwt", ""
	confused := good
	confused.method, confused.hmacKey = jose.HS256, good.key.Public().(ed25519.PublicKey)

	claims := func(change func(map[string]any)) map[string]any {
		c := map[string]any{"iss": "portal", "sub": "person-1", "aud": "approval", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": "1", "kind": "person", "seen": 3}
		if change != nil {
			change(c)
		}
		return c
	}
	set := func(k string, v any) map[string]any { return claims(func(c map[string]any) { c[k] = v }) }
	plain := good.token(t, claims(nil))
	if _, err := w.verifier("approval").Verify(plain); err != nil {
		t.Fatalf("the good token: %v", err)
	}
	parts := strings.Split(plain, ".")
	b64 := base64.RawURLEncoding.EncodeToString

	for name, c := range map[string]struct{ token, why string }{
		"alg none":               {b64([]byte(`{"alg":"none","typ":"chancery-internal+jwt","kid":"`+good.id+`"}`)) + "." + parts[1] + ".", "EdDSA"},
		"alg none, signed":       {b64([]byte(`{"alg":"none","typ":"chancery-internal+jwt","kid":"`+good.id+`"}`)) + "." + parts[1] + "." + parts[2], "EdDSA"},
		"public key as HMAC key": {confused.token(t, claims(nil)), "EdDSA"},
		"forged signature":       {forged.token(t, claims(nil)), "signature"},
		"changed payload":        {parts[0] + "." + b64([]byte(`{"iss":"portal","sub":"person-2"}`)) + "." + parts[2], "signature"},
		"unknown key":            {unknown.token(t, claims(nil)), "unknown"},
		"withdrawn key":          {withdrawn.token(t, claims(nil)), "withdrawn"},
		"key past its end":       {ended.token(t, claims(nil)), "past its end"},
		"another service's key":  {other.token(t, claims(nil)), "unknown"},
		"not a voucher":          {other.token(t, set("iss", "registry")), "may not speak"},
		"service as another":     {good.token(t, claims(func(c map[string]any) { c["kind"] = "service"; c["sub"] = "identity" })), "for another"},
		"system":                 {good.token(t, set("kind", "system")), "unknown kind"},
		"no kind":                {good.token(t, set("kind", "")), "unknown kind"},
		"wrong audience":         {good.token(t, set("aud", "registry")), "audience"},
		"several audiences":      {good.token(t, set("aud", []string{"approval", "registry"})), "claims"},
		"no audience":            {good.token(t, set("aud", "")), "audience"},
		"expired":                {good.token(t, claims(func(c map[string]any) { c["iat"] = now.Unix() - 61; c["exp"] = now.Unix() - 1 })), "expired"},
		"expires this instant":   {good.token(t, set("exp", now.Unix())), "expired"},
		"no expiry":              {good.token(t, claims(func(c map[string]any) { delete(c, "exp") })), "expired"},
		"future":                 {good.token(t, claims(func(c map[string]any) { c["iat"] = now.Unix() + 6; c["exp"] = now.Unix() + 60 })), "future"},
		"lives too long":         {good.token(t, set("exp", now.Unix()+61)), "too long"},
		"no iat":                 {good.token(t, claims(func(c map[string]any) { delete(c, "iat") })), "too long"},
		"authenticated later":    {good.token(t, set("auth_time", now.Unix()+60)), "authenticated in the future"},
		"no subject":             {good.token(t, set("sub", "")), "subject"},
		"no id":                  {good.token(t, set("jti", "")), "id"},
		"wrong typ":              {wrongType.token(t, claims(nil)), "typ"},
		"no typ":                 {noType.token(t, claims(nil)), "typ"},
		"empty":                  {"", "compact"},
		"garbage":                {"a.b.c", "JWS"},
		"JSON serialization":     {`{"payload":"","signatures":[]}`, "compact"},
		"five parts":             {"a.b.c.d.e", "compact"},
		"huge":                   {strings.Repeat("a", 9000), "too long"},
	} {
		_, err := w.verifier("approval").Verify(c.token)
		if !errors.Is(err, principal.ErrToken) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAKeyCountsOnlyWhereItsOwnerPublishes(t *testing.T) {
	var w world
	victim, thief := signer(t, "portal"), signer(t, "registry")
	pretended := proto.Clone(thief.Public()).(*eventv1.SignerKeyPublished)
	pretended.Service = "portal"
	w.publishOn(principal.SignerSubject("registry", pretended.GetKeyId()), pretended)

	w.publish(victim.Public())
	stolen := proto.Clone(victim.Public()).(*eventv1.SignerKeyPublished)
	stolen.Service = "registry"
	w.publish(stolen)
	w.publishOn(principal.SignerSubject("registry", victim.Public().GetKeyId()), &eventv1.SignerKeyWithdrawn{Service: "registry", KeyId: victim.Public().GetKeyId()})
	w.publishOn(principal.SignerSubject("registry", "x"), &eventv1.SignerKeyWithdrawn{Service: "portal", KeyId: victim.Public().GetKeyId()})
	if _, err := w.verifier("approval").Verify(sign(t, victim, ann, "approval")); err != nil {
		t.Fatalf("another service took the portal's key away: %v", err)
	}
	foreign, err := principal.NewSigner("portal", clock, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.verifier("approval").Verify(sign(t, foreign, ann, "approval")); err == nil {
		t.Fatal("an unpublished key was accepted")
	}
	renamed := proto.Clone(victim.Public()).(*eventv1.SignerKeyPublished)
	renamed.KeyId = "another-name"
	w.publish(renamed)
	broken := proto.Clone(victim.Public()).(*eventv1.SignerKeyPublished)
	broken.Jwk = []byte(`{"kty":"oct","k":"AAAA"}`)
	w.publish(broken)
	if len(w.refused) != 4 {
		t.Fatalf("refused %d facts, want 4: %v", len(w.refused), w.refused)
	}
}

func TestAWithdrawnKeyStaysWithdrawnWhenPublishedAgain(t *testing.T) {
	var w world
	portal := signer(t, "portal")
	w.publish(portal.Public())
	w.publishOn(principal.SignerSubject("portal", portal.Public().GetKeyId()), &eventv1.SignerKeyWithdrawn{Service: "portal", KeyId: portal.Public().GetKeyId()})
	w.publish(portal.Public())
	if _, err := w.verifier("approval").Verify(sign(t, portal, ann, "approval")); !errors.Is(err, principal.ErrToken) {
		t.Fatal(err)
	}
	if w.ring.Position() != 3 {
		t.Fatalf("position %d", w.ring.Position())
	}
}

func TestPermissions(t *testing.T) {
	review := principal.For("request.review", principal.Reviewer).WithStepUp()
	client := principal.Principal{ID: "c", Kind: principal.Client}
	for name, c := range map[string]struct {
		p    principal.Permission
		who  principal.Principal
		want bool
	}{
		"role held":          {principal.For("a", principal.AppOwner, principal.OrgAdmin), ann, true},
		"role missing":       {review, ann, false},
		"any person":         {principal.For("a"), ann, true},
		"nobody":             {principal.For("a"), principal.Principal{}, false},
		"machine for people": {principal.For("a"), client, false},
		"machine allowed":    {principal.For("a", principal.AppOwner).To(principal.Client), client, true},
		"people not allowed": {principal.For("a").To(principal.Client), ann, false},
		"public":             {principal.Public, principal.Principal{}, true},
	} {
		if got := c.p.Allows(c.who); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !review.StepUp || review.IsPublic() || !principal.Public.IsPublic() {
		t.Error("flags")
	}
}
