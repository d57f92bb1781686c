package page_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/services/identity/internal/page"
)

var all = []any{
	page.SignIn{ReturnTo: "/catalogue?x=1&y=2", Email: `a"b@c.example`, Problem: "Check the address."},
	page.SignIn{Last: "org-1", LastName: "Northwind"},
	page.Found{Organization: "org-1", Name: `<b>Northwind</b>`, ReturnTo: "/"},
	page.Unknown{Domain: `"><script>alert(1)</script>`, ReturnTo: "/"},
	page.Failed{Title: "The sign-in was refused", What: "x", Now: "y", Code: "access_denied", Answer: `<img src=x onerror=alert(1)>`, Reference: "r-1", ReturnTo: "/"},
	page.Failed{Title: "Not confirmed", What: "x", Reference: "r-2", ReturnTo: "/x", StepUp: true},
	page.SignedOut{},
}

func TestNoPageHoldsAScriptOrInlineStyle(t *testing.T) { // H1
	inline := regexp.MustCompile(`(?i)<script|<style|<img src=x|<[a-z][^>]*\s(style|on[a-z]+)=|javascript:`)
	for _, p := range all {
		w := httptest.NewRecorder()
		page.Render(w, httptest.NewRequest("GET", "/auth/sign-in", nil), http.StatusOK, p)
		body := w.Body.String()
		if found := inline.FindString(body); found != "" {
			t.Errorf("%T holds %q:\n%s", p, found, body)
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%T: %s", p, csp)
		}
		for _, h := range []string{"Strict-Transport-Security", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options"} {
			if w.Header().Get(h) == "" {
				t.Errorf("%T lacks %s", p, h)
			}
		}
		if strings.Contains(strings.ToLower(body), `type="password"`) { // A1
			t.Errorf("%T asks for a password", p)
		}
		if strings.Count(body, "<h1") != 1 || !strings.Contains(body, `<html lang="en"`) {
			t.Errorf("%T has no single heading", p)
		}
	}
}

func TestTheThemeComesFromTheCookieAlone(t *testing.T) {
	for cookie, want := range map[string]string{"dark": "dark", "light": "light", "": "system", `x" onload="`: "system"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "theme="+cookie)
		w := httptest.NewRecorder()
		page.Render(w, r, http.StatusOK, page.SignedOut{})
		if !strings.Contains(w.Body.String(), `data-theme="`+want+`"`) {
			t.Errorf("%q", cookie)
		}
	}
}

func TestEveryAssetAPageNamesIsServedForEver(t *testing.T) {
	w := httptest.NewRecorder()
	page.Render(w, httptest.NewRequest("GET", "/", nil), http.StatusOK, page.SignedOut{})
	found := regexp.MustCompile(`"(/auth/assets/[^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1)
	if len(found) < 2 {
		t.Fatal(found)
	}
	for _, m := range found {
		w := httptest.NewRecorder()
		page.Asset(w, httptest.NewRequest("GET", m[1], nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d", m[1], w.Code)
		}
	}
	for _, path := range []string{"/auth/assets/x/page.css", "/auth/assets//page.go", "/auth/assets/x/frame.html", "/auth/assets/", "/auth/assets/../page.go"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		page.Asset(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
