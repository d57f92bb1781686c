// Package webpage renders server-made pages: plain HTML without a script, in light and dark, under a policy that allows no
// other.
package webpage

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed frame.html page.css seal.svg
var own embed.FS

var versions = map[string]string{"page.css": version("page.css"), "seal.svg": version("seal.svg")}

func version(name string) string {
	b, err := own.ReadFile(name)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// Site is the pages of one service. It is safe for concurrent use.
type Site struct {
	assets    string
	footer    string
	templates *template.Template
}

// New reads the templates of files; each calls "head" first and "foot" last. Assets are served under a path that ends in a
// slash; the footer is one sentence below each page.
func New(assets, footer string, files fs.FS) *Site {
	s := &Site{assets: assets, footer: footer}
	s.templates = template.Must(template.New("").Funcs(template.FuncMap{"asset": s.asset}).ParseFS(own, "frame.html"))
	template.Must(s.templates.ParseFS(files, "*.html"))
	return s
}

func (s *Site) asset(name string) string { return s.assets + versions[name] + "/" + name }

type content struct {
	Title, Theme, Footer string
	Page                 any
}

// Render writes a page by its template's name, with its security headers. The theme is what the browser's cookie asks for. A
// form of the page may lead to this origin and to the targets, which browsers check of redirects too.
func (s *Site) Render(w http.ResponseWriter, r *http.Request, status int, name, title string, page any, targets ...string) {
	var out bytes.Buffer
	if err := s.templates.ExecuteTemplate(&out, name, content{title, theme(r), s.footer, page}); err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	Headers(w.Header(), targets...)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w)
}

// Headers sets what every page and redirect carries.
func Headers(h http.Header, targets ...string) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'"+sources(targets)+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// sources writes the origins of addresses as CSP has them (CSP3 §2.3.1), which knows no IPv6 address and no port of a scheme
// of an application's own: there the scheme alone stands.
func sources(targets []string) (list string) {
	for _, target := range targets {
		u, err := url.Parse(target)
		if err != nil || u.Scheme == "" || strings.ContainsAny(u.Scheme+u.Host, " ;,*'\"") {
			continue
		}
		source := u.Scheme + ":"
		if (u.Scheme == "https" || u.Scheme == "http") && !strings.Contains(u.Host, "[") {
			source = u.Scheme + "://" + u.Host
		}
		if !slices.Contains(strings.Fields(list), source) {
			list += " " + source
		}
	}
	return list
}

func theme(r *http.Request) string {
	if c, err := r.Cookie("theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return "system"
}

// Asset serves the pages' own style and picture for ever, since their addresses change with them.
func (s *Site) Asset(w http.ResponseWriter, r *http.Request) {
	at, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, s.assets), "/")
	b, err := own.ReadFile(name)
	if err != nil || versions[name] == "" || versions[name] != at {
		http.NotFound(w, r)
		return
	}
	Headers(w.Header())
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Type", map[bool]string{true: "text/css; charset=utf-8", false: "image/svg+xml"}[strings.HasSuffix(name, ".css")])
	_, _ = w.Write(b)
}
