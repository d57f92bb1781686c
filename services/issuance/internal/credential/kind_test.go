package credential_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/testkit"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

func jwk(n byte) credential.Secret {
	return credential.Secret{Hint: "k", Key: &issuancev1.KeyMaterial{Jwk: []byte("{}"), PublicKeySha256: bytes.Repeat([]byte{n}, 32)}}
}

func certificate(n byte) credential.Secret {
	return credential.Secret{Hint: "c", Key: &issuancev1.KeyMaterial{
		CertificateSha256: bytes.Repeat([]byte{n + 100}, 32), CertificateSerial: "1f", PublicKeySha256: bytes.Repeat([]byte{n}, 32),
	}}
}

func TestEachKindTakesItsOwnMaterialAlone(t *testing.T) { // D5, D16
	materials := map[string]credential.Secret{"api_key": secret, "client_secret": secret, "client_key": jwk(1), "client_certificate": certificate(1)}
	for kind := range materials {
		for of, m := range materials {
			s := testkit.Given[credential.State](t).When(issue(func(c *credential.Issue) { c.Kind, c.Secret = kind, m }))
			if kind == of || credential.Shared(kind) && credential.Shared(of) {
				continue
			}
			s.Refused(credential.ErrMaterial)
		}
	}
	seen := jwk(1)
	seen.DeliveredTo = "vault:x"
	testkit.Given[credential.State](t).When(issue(func(c *credential.Issue) { c.Kind, c.Secret = "client_key", seen })).Refused(credential.ErrMaterial)
	testkit.Given[credential.State](t).When(issue(func(c *credential.Issue) { c.Kind, c.Secret = "nats_user", jwk(1) })).Refused(credential.ErrKind)
}

func TestAKeyIsNeverRotatedToItself(t *testing.T) { // D4
	first := issued()
	first.Kind, first.Fingerprint, first.Key = "client_key", nil, jwk(1).Key
	to := func(m credential.Secret) credential.Rotate {
		return credential.Rotate{Now: now, ExpiresAt: now.Add(48 * time.Hour), Allowance: allow, Secret: m}
	}
	s := testkit.Given[credential.State](t, first).When(to(jwk(1)))
	s.Refused(credential.ErrKeyReused)
	next := s.When(to(jwk(2)))
	next.Then(
		&issuancev1.CredentialRotationStarted{Generation: 2, PreviousGeneration: 1, Hint: "k", ExpiresAt: later(48 * time.Hour), OverlapEndsAt: later(0), StartsAt: later(0), Key: jwk(2).Key},
		&issuancev1.CredentialRetired{Generation: 1, Reason: "requested"})
	next.When(to(jwk(1))).Refused(credential.ErrKeyReused) // nor back to one that is retired
}

func TestRedirectURIsAreExact(t *testing.T) { // B7, D14, D16
	for uri, exact := range map[string]bool{
		"https://app.example/cb": true, "https://app.example:8443/cb?x=1": true, "http://127.0.0.1/cb": true, "http://[::1]:4000/cb": true,
		"http://app.example/cb": false, "http://localhost/cb": false, "https://*.example/cb": false, "https://app.example/*": false,
		"https://app.example/cb#x": false, "https://user@app.example/cb": false, "https://app.example/a/../cb": false,
		"https://app.example/%2e%2e/cb": false, "javascript:alert(1)": false, "app.example/cb": false, "https://": false, "": false,
		"https://app.example/a\\b": false, "https://app.example/a b": false,
	} {
		if credential.Exact(uri) != exact {
			t.Errorf("%q: exact %t", uri, !exact)
		}
	}
	with := func(kind string, c credential.Client) *testkit.Story[credential.State] {
		return testkit.Given[credential.State](t).When(issue(func(i *credential.Issue) { i.Kind, i.Client = kind, c }))
	}
	code := credential.Client{GrantTypes: []string{"authorization_code"}, RedirectURIs: []string{"https://app.example/cb"}}
	with("api_key", code).Refused(credential.ErrGrantTypes)
	with("client_secret", credential.Client{GrantTypes: []string{"authorization_code"}}).Refused(credential.ErrGrantTypes)
	with("client_secret", credential.Client{RedirectURIs: code.RedirectURIs}).Refused(credential.ErrGrantTypes)
	with("client_secret", credential.Client{GrantTypes: []string{"password"}}).Refused(credential.ErrGrantTypes)
	with("client_secret", credential.Client{GrantTypes: code.GrantTypes, RedirectURIs: []string{"http://app.example/cb"}}).Refused(credential.ErrRedirect)
	want := issued()
	want.Kind, want.GrantTypes, want.RedirectUris = "client_secret", code.GrantTypes, code.RedirectURIs
	with("client_secret", code).Then(want)
}
