package contract_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
)

// FuzzTargetsAreReadInOneWay: what is accepted reads the same to another parser, and nothing in it leads elsewhere.
func FuzzTargetsAreReadInOneWay(f *testing.F) {
	for _, s := range []string{"/ledger/v1/accounts?limit=2", "/%2e%2e/", "//", "/a/./b", "/a%2Fb", "/a;b=c", "/a\\b", "/é", "/a?%5fmethod=x", "*", "http://x/", "/a%00", "/%zz", "/a#b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		var p contract.Path
		if p.Parse(target) != nil {
			return
		}
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatalf("%q passes here and is none to another: %v", target, err)
		}
		if strings.ContainsAny(u.Path, "\\;\x00") || strings.Contains(u.Path, "//") || strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./") || u.Host != "" {
			t.Fatalf("%q is %q", target, u.Path)
		}
		if segments := strings.Count(u.Path, "/"); u.Path != "/" && segments != p.Len() {
			t.Fatalf("%q: %d segments here, %d to another", target, p.Len(), segments)
		}
	})
}
