package ui_test

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/chancery-dev/chancery/services/portal/internal/ui"
)

const index = `<!doctype html><html lang="en" data-theme="system"><head><meta name="csp-nonce" content="__CSP_NONCE__"></head></html>`

var built = fstest.MapFS{
	"index.html": {Data: []byte(index)}, "assets/index-4f3a.js": {Data: []byte("1")}, "assets/index-4f3a.css": {Data: []byte("a{}")},
	"icon.svg": {Data: []byte("<svg/>")}, ".keep": {}, "assets/.secret": {Data: []byte("x")},
}

func get(u *ui.UI, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	u.ServeHTTP(w, r)
	return w
}

func TestEveryPathThatIsNoFileIsTheAppUnderAStrictPolicy(t *testing.T) { // H1
	u, seen := ui.New(built), map[string]bool{}
	nonce := regexp.MustCompile(`'nonce-([A-Za-z0-9_-]{20,})'`)
	for _, path := range []string{"/", "/catalogue", "/applications/0190a?tab=owners", "/index.html"} {
		w := get(u, path)
		csp := w.Header().Get("Content-Security-Policy")
		found := nonce.FindStringSubmatch(csp)
		if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" || found == nil || seen[found[1]] {
			t.Fatalf("%s: %d %v", path, w.Code, w.Header())
		}
		seen[found[1]] = true
		if !strings.Contains(w.Body.String(), `content="`+found[1]+`"`) || strings.Contains(w.Body.String(), "__CSP_NONCE__") {
			t.Errorf("%s: %s", path, w.Body)
		}
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s lacks %s", csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Error(csp)
		}
	}
}

func TestTheThemeIsInTheFirstByte(t *testing.T) {
	u := ui.New(built)
	for cookie, want := range map[string]string{"theme=dark": "dark", "theme=light": "light", "": "system", "theme=x": "system"} {
		if w := get(u, "/", "Cookie", cookie); !strings.Contains(w.Body.String(), `data-theme="`+want+`"`) {
			t.Errorf("%q: %s", cookie, w.Body)
		}
	}
}

func TestAssetsAreKeptForEverAndMissingOnesAreNotTheApp(t *testing.T) {
	u := ui.New(built)
	for path, kind := range map[string]string{"/assets/index-4f3a.js": "text/javascript; charset=utf-8", "/assets/index-4f3a.css": "text/css; charset=utf-8"} {
		if w := get(u, path); w.Code != 200 || w.Header().Get("Content-Type") != kind || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if w := get(u, "/icon.svg"); w.Code != 200 || w.Header().Get("Content-Type") != "image/svg+xml" {
		t.Error(w.Code, w.Header())
	}
	for _, path := range []string{"/assets/gone.js", "/robots.txt", "/.keep", "/assets/.secret", "/assets/../../etc/passwd.txt", "/assets"} {
		if w := get(u, path); w.Code != 404 && strings.Contains(path, ".") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestWithoutTheAppAPageSaysSo(t *testing.T) {
	u := ui.New(fstest.MapFS{".keep": {}})
	w := get(u, "/catalogue")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "was not built") || u.Built() {
		t.Fatal(w.Code, w.Body)
	}
	if regexp.MustCompile(`(?i)<script|<style|<[a-z][^>]*\s(style|on[a-z]+)=`).MatchString(w.Body.String()) {
		t.Error("inline script or style")
	}
	if w := get(u, "/notice.css"); w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Error(w.Code, w.Header())
	}
	r := httptest.NewRequest("POST", "/login", nil)
	post := httptest.NewRecorder()
	u.ServeHTTP(post, r)
	if post.Code != 404 {
		t.Error(post.Code)
	}
}
