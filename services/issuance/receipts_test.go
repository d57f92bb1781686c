package issuance_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/receipt"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	gatewayv1 "github.com/chancery-dev/chancery/proto/gateway/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// authorizer is one that says what the test lets it say.
type authorizer struct {
	scene *scene
	name  string
	key   ed25519.PrivateKey
	keyID string
}

func (s *scene) authorizer(name string) *authorizer {
	s.Helper()
	key, jwk, id, err := receipt.NewKey()
	if err != nil {
		s.Fatal(err)
	}
	s.suite.Append("gateway", "authorizer", name, &gatewayv1.AuthorizerJoined{KeyId: id, Jwk: jwk})
	return &authorizer{s, name, key, id}
}

func (a *authorizer) says(position uint64) {
	a.scene.Helper()
	a.saysUnder(a.key, position)
}

func (a *authorizer) saysUnder(key ed25519.PrivateKey, position uint64) {
	b := receipt.Beat{Authorizer: a.name, Position: position, At: time.Now(), KeyID: a.keyID}.Sign(key)
	body, err := proto.Marshal(b.Message())
	if err != nil {
		a.scene.Fatal(err)
	}
	pulse, err := eventlog.OpenPulse(a.scene.Context(), a.scene.suite.Connect("gateway"), "gateway")
	if err != nil {
		a.scene.Fatal(err)
	}
	if err := pulse.Beat(a.scene.Context(), a.name, body); err != nil {
		a.scene.Fatal(err)
	}
}

func (s *scene) jwks() jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	raw, _ := json.Marshal(s.call(nil, "GET", "/oauth2/jwks", nil).body)
	if err := json.Unmarshal(raw, &set); err != nil {
		s.Fatal(err)
	}
	return set
}

func (s *scene) receiptAt(who *principal.Principal, position uint64) (receipt.Receipt, string) {
	s.Helper()
	a := s.call(who, "GET", "/v1/receipts/"+strconv.FormatUint(position, 10), nil)
	if a.status != 200 {
		s.Fatalf("%d %v", a.status, a.body)
	}
	signed := a.body["signed"].(string)
	r, err := receipt.Verify(signed, s.jwks())
	if err != nil {
		s.Fatal(err)
	}
	return r, signed
}

// L1, D10: a revocation ends in a receipt that names every member, the one that is cut off as not confirmed, until somebody
// vouches for it.
func TestAReceiptNamesWhoConfirmedAndWhoDidNot(t *testing.T) {
	s := newScene(t)
	near, far := s.authorizer("near"), s.authorizer("far")
	admin := principal.Principal{ID: id(), Kind: principal.Person, Organization: id(), Session: id(), Roles: []string{principal.PlatformAdmin}, ACR: "mfa", AMR: []string{"mfa"}, AuthTime: time.Now()}
	s.suite.Append("identity", "organization", admin.Organization, &identityv1.OrganizationRegistered{Name: "Meridian", Kind: "provider"})
	s.shown = s.suite.Append("identity", "person", admin.ID, &identityv1.PersonProvisioned{OrganizationId: admin.Organization})
	key := s.want(s.issue("api_key", s.grant), 201, "").body["id"].(string)
	far.says(1)
	near.says(1 << 40) // whatever position the ending gets, it has it
	a := s.call(&s.owner, "POST", "/v1/credentials/"+key+"/revoke", map[string]any{"reason": "suspected_leak"})
	if a.status != 200 {
		t.Fatalf("%d %v", a.status, a.body)
	}
	position := uint64(a.body["position"].(float64))
	names := func(v any) string { raw, _ := json.Marshal(v); return string(raw) }
	if names(a.body["confirmed"]) != `["near"]` || names(a.body["pending"]) != `["far"]` {
		t.Fatalf("%v", a.body)
	}
	first, err := receipt.Verify(a.body["receipt"].(string), s.jwks())
	if err != nil || first.Complete || len(first.Confirmed) != 1 || len(first.NotConfirmed) != 1 || first.NotConfirmed[0].Authorizer != "far" {
		t.Fatalf("%+v %v", first, err)
	}
	if first.Position != position || first.Cause.SubjectID != key || first.Cause.ActorID != s.owner.ID || first.Cause.Types[0] != "issuance.v1.CredentialRevoked" {
		t.Errorf("%+v", first.Cause)
	}

	// What another signed for it is no confirmation, and neither is an older position.
	far.saysUnder(near.key, 1<<40)
	far.says(position - 1)
	if r, _ := s.receiptAt(&s.owner, position); r.Complete {
		t.Fatal("complete without the word of the one that is cut off")
	}
	// Nobody else's endings are shown, and nothing that ends nothing.
	if a := s.call(&s.stranger, "GET", "/v1/receipts/"+strconv.FormatUint(position, 10), nil); a.status != 404 {
		t.Errorf("a stranger reads the receipt: %d", a.status)
	}
	for _, none := range []string{"1", "0", "-1", "x", "99999999"} {
		if a := s.call(&admin, "GET", "/v1/receipts/"+none, nil); a.status != 404 && a.status != 422 {
			t.Errorf("%s: %d %v", none, a.status, a.body)
		}
	}

	// It confirms later: the receipt is issued anew.
	far.says(position)
	s.eventually("the receipt changes", func() bool { r, _ := s.receiptAt(&s.owner, position); return r.Complete && len(r.Confirmed) == 2 })

	// One that went away for good is named until it is signed off.
	gone := s.authorizer("gone")
	next := s.want(s.issue("api_key", s.grant), 201, "").body["id"].(string)
	a = s.call(&s.owner, "POST", "/v1/credentials/"+next+"/revoke", map[string]any{"reason": "no_longer_needed"})
	position = uint64(a.body["position"].(float64))
	if !strings.Contains(names(a.body["pending"]), "gone") {
		t.Fatalf("%v", a.body)
	}
	if a := s.call(&s.owner, "POST", "/v1/authorizers/gone/sign-off", map[string]any{"reason": "x"}); a.status != 403 {
		t.Errorf("an owner signs an authorizer off: %d", a.status)
	}
	if a := s.call(&admin, "POST", "/v1/authorizers/nobody/sign-off", map[string]any{"reason": "x"}); a.status != 404 {
		t.Errorf("%d", a.status)
	}
	if a := s.call(&admin, "POST", "/v1/authorizers/gone/sign-off", map[string]any{"reason": "the machine was given back"}); a.status != 200 {
		t.Fatalf("%d %v", a.status, a.body)
	}
	s.eventually("the receipt changes", func() bool {
		r, _ := s.receiptAt(&admin, position)
		return r.Complete && len(r.SignedOff) == 1 && r.SignedOff[0].Authorizer == "gone" && r.SignedOff[0].By == admin.ID
	})
	if a := s.call(&admin, "POST", "/v1/authorizers/gone/sign-off", map[string]any{"reason": "twice"}); a.status != 404 {
		t.Errorf("%d", a.status)
	}
	s.eventually("the receipt changes", func() bool {
		a := s.call(&admin, "GET", "/v1/authorizers", nil)
		items, _ := a.body["items"].([]any)
		return a.status == 200 && len(items) == 3
	})
	_ = gone
	for _, fact := range observations[*activityv1.ReceiptSigned](s, 2) {
		if fact.GetPosition() == 0 || len(fact.GetDigest()) != 32 {
			t.Errorf("%v", fact)
		}
	}
}

// L1: a receipt that was tampered with is not believed.
func TestATamperedReceiptIsRefused(t *testing.T) {
	s := newScene(t)
	near := s.authorizer("near")
	key := s.want(s.issue("api_key", s.grant), 201, "").body["id"].(string)
	near.says(1 << 40)
	a := s.call(&s.owner, "POST", "/v1/credentials/"+key+"/revoke", map[string]any{"reason": "suspected_leak"})
	signed, keys := a.body["receipt"].(string), s.jwks()
	r, err := receipt.Verify(signed, keys)
	if err != nil || !r.Complete {
		t.Fatal(err)
	}
	public, private, _ := ed25519.GenerateKey(nil)
	own := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: "k"}}}
	parts := strings.Split(signed, ".")
	for name, c := range map[string]struct {
		signed string
		keys   jose.JSONWebKeySet
		want   error
	}{
		"another key":  {signed, own, receipt.ErrKey},
		"no signature": {parts[0] + "." + parts[1] + ".", keys, receipt.ErrSignature},
		"a token":      {"a.b.c", keys, receipt.ErrMalformed},
	} {
		if _, err := receipt.Verify(c.signed, c.keys); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An issuer that claims more than an authorizer said is found out.
	for name, change := range map[string]func(*receipt.Receipt){
		"a later position": func(r *receipt.Receipt) { r.Position = 1 << 41 },
		"another name":     func(r *receipt.Receipt) { r.Confirmed[0].Authorizer = "far" },
		"another time":     func(r *receipt.Receipt) { r.Confirmed[0].At = r.Confirmed[0].At.Add(-time.Hour) },
		"twice":            func(r *receipt.Receipt) { r.Confirmed = append(r.Confirmed, r.Confirmed[0]) },
		"complete":         func(r *receipt.Receipt) { r.NotConfirmed = []receipt.Missing{{Authorizer: "far"}} },
	} {
		false_ := r
		false_.Confirmed = append([]receipt.Confirmation(nil), r.Confirmed...)
		change(&false_)
		out, err := receipt.Sign("k", private, false_)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receipt.Verify(out, own); err == nil {
			t.Errorf("%s is believed", name)
		}
	}
}

// observations waits until n observations of a type were made.
func observations[T proto.Message](s *scene, n int) (all []T) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), servicetest.Patience)
	defer cancel()
	if err := s.suite.Log("audit").FollowActivity(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			for _, f := range r.Facts {
				if fact, ok := f.(T); ok {
					all = append(all, fact)
				}
			}
		}
		if len(all) >= n {
			return eventlog.ErrStop
		}
		return nil
	}); err != nil {
		s.Fatalf("%d of %d: %v", len(all), n, err)
	}
	return all
}
