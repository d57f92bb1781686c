package webpage

import (
	"testing"
)

func TestAFormLeadsOnlyWhereItIsMeantTo(t *testing.T) { // H1
	for target, want := range map[string]string{
		"https://client.example/back?x=1":    " https://client.example",
		"http://127.0.0.1:8123/cb":           " http://127.0.0.1:8123",
		"http://[::1]:8123/cb":               " http:",
		"com.example.app:/back":              " com.example.app:",
		"https://a.example; script-src *":    "",
		"https://*.example/":                 "",
		"":                                   "",
		"https://a.example:8443/cb#fragment": " https://a.example:8443",
	} {
		if got := sources([]string{target, target}); got != want {
			t.Errorf("%s gives %q, want %q", target, got, want)
		}
	}
}
