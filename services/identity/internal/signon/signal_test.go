package signon

import (
	"strings"
	"testing"
)

func FuzzReadSignal(f *testing.F) { // L20, H4
	for _, seed := range []string{
		"", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJ0eXAiOiJzZWNldmVudCtqd3QiLCJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJ4IiwiaWF0IjoxLCJldmVudHMiOnsiYSI6e319fQ.AAAA",
		"eyJ0eXAiOiJzZWNldmVudCtqd3QiLCJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJ4IiwiaWF0IjoxLCJleHAiOjIsImV2ZW50cyI6eyJhIjp7fX19.AAAA",
		"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJ4IiwiaWF0IjoxLCJldmVudHMiOnsiYSI6e319fQ.AAAA", strings.Repeat("a", 20000) + ".b.c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		s, issued, err := ReadSignal(compact)
		if err == nil && (s.ID == "" || s.Type == "" && !strings.Contains(compact, ".") || issued.IsZero()) {
			t.Fatalf("%+v %s", s, issued)
		}
		if err != nil && s.ID != "" {
			t.Fatal("a refused token says something")
		}
	})
}

func TestOnlySecurityEventTokensAreRead(t *testing.T) { // L20
	good := "eyJ0eXAiOiJzZWNldmVudCtqd3QiLCJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJ4IiwiaWF0IjoxLCJldmVudHMiOnsiYSI6e319fQ.AAAA"
	if s, _, err := ReadSignal(good); err != nil || s.ID != "x" || s.Type != "a" {
		t.Fatalf("%+v %v", s, err)
	}
	for name, bad := range map[string]string{
		"an ID token's type": "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJ4IiwiaWF0IjoxLCJldmVudHMiOnsiYSI6e319fQ.AAAA",
		"an expiry":          "eyJ0eXAiOiJzZWNldmVudCtqd3QiLCJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJ4IiwiaWF0IjoxLCJleHAiOjIsImV2ZW50cyI6eyJhIjp7fX19.AAAA",
		"no algorithm":       "eyJ0eXAiOiJzZWNldmVudCtqd3QiLCJhbGciOiJub25lIn0.eyJqdGkiOiJ4IiwiaWF0IjoxLCJldmVudHMiOnsiYSI6e319fQ.",
	} {
		if _, _, err := ReadSignal(bad); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
