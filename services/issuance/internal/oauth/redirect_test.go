package oauth

import (
	"net/url"
	"strings"
	"testing"
)

var registered = []string{"https://client.example/back", "http://127.0.0.1/cb", "http://[::1]:9000/cb?x=1", "com.example.app:/back"}

func TestAnAddressIsRegisteredCharacterByCharacter(t *testing.T) { // D14, RFC 9700 §2.1, RFC 8252 §7.3
	for _, good := range append([]string{"http://127.0.0.1:5123/cb", "http://127.0.0.1:80/cb", "http://[::1]/cb?x=1", "http://[::1]:1/cb?x=1"}, registered...) {
		if !redirects(registered, good) {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []string{
		"", "https://client.example/back/", "https://client.example/back?x", "https://client.example/Back", "https://client.example:443/back", "https://CLIENT.example/back",
		"https://client.example/back#f", "https://client.example.evil/back", "https://evil@client.example/back", "http://client.example/back", "https://client.example/back/../x", "https://client.example/%62ack",
		"http://localhost/cb", "http://127.0.0.1:5123/cb2", "http://127.0.0.1:/cb", "http://127.0.0.1:123456/cb", "http://127.0.0.1@evil.example/cb", "http://127.0.0.1:80@evil.example/cb", "http://127.0.0.1.evil.example/cb",
		"http://127.0.0.1:5123/cb#f", "http://127.0.0.2/cb", "http://[::1]:9000/cb", "http://0x7f000001/cb", "https://127.0.0.1/cb", "com.example.app:/back2", "com.example.app://back", "http://127.0.0.1:51 23/cb", "http://127.0.0.1:5123\\@evil.example/cb",
	} {
		if redirects(registered, bad) {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func FuzzRedirects(f *testing.F) { // D14
	for _, r := range registered {
		f.Add(r)
	}
	f.Add("http://127.0.0.1:5123/cb")
	f.Fuzz(func(t *testing.T, asked string) {
		if !redirects(registered, asked) {
			return
		}
		u, err := url.Parse(asked)
		if err != nil || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q: %v", asked, err)
		}
		switch {
		case asked == registered[0], asked == registered[3]:
		case u.Hostname() == "127.0.0.1" && u.RequestURI() == "/cb", u.Hostname() == "::1" && u.RequestURI() == "/cb?x=1":
		default:
			t.Fatalf("%q leads to %q", asked, u.Host)
		}
		if back, err := url.Parse(returned(asked, url.Values{"code": {"c"}})); err != nil || back.Host != u.Host || back.Query().Get("code") != "c" || strings.Contains(back.Fragment, "code") {
			t.Fatalf("%q returns to %v", asked, back)
		}
	})
}
