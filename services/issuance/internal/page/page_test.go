package page_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/services/issuance/internal/page"
)

func TestNoPageHoldsAScriptOrInlineStyle(t *testing.T) { // H1
	evil := `"><script>alert(1)</script>`
	inline := regexp.MustCompile(`(?i)<script|<style|<img src=x|<[a-z][^>]*\s(style|on[a-z]+)=|javascript:`)
	for _, p := range []any{
		page.Consent{Handle: evil, Key: evil, Application: evil, ApplicationID: evil, Organization: evil, Product: evil, Environment: "sandbox",
			Scopes: []page.Scope{{evil, evil, "high"}, {"a:read", "", "low"}}, Until: time.Now(), Back: evil},
		page.Consent{Application: "Chancery command line", Own: true, Device: true, From: evil, Agent: evil, Until: time.Now()},
		page.Device{Typed: evil, Problem: evil}, page.Done{Allowed: true}, page.Done{}, page.Refused{Title: evil, What: evil, Now: evil, Reference: evil},
	} {
		w := httptest.NewRecorder()
		page.Render(w, httptest.NewRequest("GET", "/oauth2/consent", nil), http.StatusOK, p, "https://client.example/back")
		body, csp := w.Body.String(), w.Header().Get("Content-Security-Policy")
		if found := inline.FindString(body); found != "" {
			t.Errorf("%T holds %q:\n%s", p, found, body)
		}
		if !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "form-action 'self' https://client.example;") {
			t.Errorf("%T: %s", p, csp)
		}
		if strings.Count(body, "<h1") != 1 || strings.Contains(body, `type="password"`) {
			t.Errorf("%T: %s", p, body)
		}
	}
}
