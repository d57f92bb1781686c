package credential_test

import (
	"testing"

	"github.com/chancery-dev/chancery/libs/testkit"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

func TestARedirectAddressIsExact(t *testing.T) { // D14, D16, B7
	for _, good := range []string{"https://client.example/back", "https://client.example", "http://127.0.0.1/cb", "http://[::1]:8080/cb", "com.example.app:/back", "com.example.app:/", "org.example-a.b:/x/y?z=1"} {
		if !credential.Exact(good) {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []string{"", "http://client.example/back", "http://localhost/cb", "https://*.example/back", "https://client.example/back#f", "https://u@client.example/", "https://client.example/a/../b",
		"https://client.example/%2e%2e/b", "app:/back", "com.example.app://host/back", "com.example.app:back", "com.example.app:/a/../b", "javascript:alert(1)", "data:text/html,x", "COM.example.app:/x", "com.example.app:/a b", "com.example.app://", "file:///etc/passwd", "com.example.app:/x#f"} {
		if credential.Exact(bad) {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func FuzzExact(f *testing.F) { // D14
	f.Add("https://client.example/back")
	f.Add("com.example.app:/back")
	f.Fuzz(func(t *testing.T, uri string) {
		if credential.Exact(uri) && (len(uri) > 512 || uri == "") {
			t.Fatal(uri)
		}
	})
}

func TestAPublicClientActsForPeopleAlone(t *testing.T) { // A15, D16
	public := func(change func(*credential.Issue)) credential.Issue {
		return issue(func(c *credential.Issue) {
			c.Kind, c.Secret = credential.PublicClient, credential.Secret{Hint: "public"}
			c.Client = credential.Client{RedirectURIs: []string{"com.example.app:/back"}, GrantTypes: []string{"authorization_code", "refresh_token"}, BoundTokens: true}
			if change != nil {
				change(c)
			}
		})
	}
	if facts, err := public(nil).Decide(credential.State{}); err != nil || len(facts) != 1 {
		t.Fatal(facts, err)
	}
	for name, c := range map[string]struct {
		change func(*credential.Issue)
		want   error
	}{
		"for itself":         {func(c *credential.Issue) { c.Client.GrantTypes = append(c.Client.GrantTypes, "client_credentials") }, credential.ErrPublicClient},
		"with free tokens":   {func(c *credential.Issue) { c.Client.BoundTokens = false }, credential.ErrPublicClient},
		"for nobody":         {func(c *credential.Issue) { c.Client = credential.Client{BoundTokens: true} }, credential.ErrPublicClient},
		"with a secret":      {func(c *credential.Issue) { c.Secret.Fingerprint = []byte{1} }, credential.ErrMaterial},
		"at a loose address": {func(c *credential.Issue) { c.Client.RedirectURIs = []string{"app:/x"} }, credential.ErrRedirect},
	} {
		t.Run(name, func(t *testing.T) { testkit.Given[credential.State](t).When(public(c.change)).Refused(c.want) })
	}
}
