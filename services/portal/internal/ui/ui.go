// Package ui serves the web app's files under a policy that lets no foreign or inline script run, and a page of its own where
// there is no app.
package ui

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/chancery-dev/chancery/libs/problem"
)

//go:embed notice.html notice.css
var own embed.FS

var notice = template.Must(template.ParseFS(own, "notice.html"))

// UI is safe for concurrent use.
type UI struct {
	files fs.FS
	index []byte // empty when the app was not built
}

// New serves the app whose built files these are.
func New(files fs.FS) *UI {
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		index = nil
	}
	return &UI{files: files, index: index}
}

// Built tells whether there is an app.
func (u *UI) Built() bool { return u.index != nil }

func (u *UI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		problem.Write(w, problem.New(problem.NotFound, "no_such_operation", "No operation has this path."), problem.RequestID(r.Context()))
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	switch {
	case name == "notice.css":
		u.file(w, own, name, "public, max-age=3600")
	case strings.HasPrefix(name, "assets/"):
		// Their names change with their content.
		u.file(w, u.files, name, "public, max-age=31536000, immutable")
	case name != "" && name != "index.html" && path.Ext(name) != "":
		u.file(w, u.files, name, "public, max-age=3600")
	case !u.Built():
		u.Notice(w, r, http.StatusOK, "")
	default:
		u.page(w, r)
	}
}

func (u *UI) file(w http.ResponseWriter, files fs.FS, name, cache string) {
	b, err := fs.ReadFile(files, name)
	if err != nil || strings.HasPrefix(path.Base(name), ".") {
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", cache)
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	_, _ = w.Write(b)
}

// page is the app's one page, its nonce new for every answer and its theme the browser's own.
func (u *UI) page(w http.ResponseWriter, r *http.Request) {
	var b [16]byte
	rand.Read(b[:])
	nonce := base64.RawURLEncoding.EncodeToString(b[:])
	out := bytes.ReplaceAll(u.index, []byte("__CSP_NONCE__"), []byte(nonce))
	out = bytes.Replace(out, []byte(`data-theme="system"`), []byte(`data-theme="`+theme(r)+`"`), 1)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-"+nonce+"'; img-src 'self'; font-src 'self'; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
	_, _ = w.Write(out)
}

func theme(r *http.Request) string {
	if c, err := r.Cookie("theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return "system"
}

// Notice is the portal's own page: with a text it says what went wrong, without one that the app was not built.
func (u *UI) Notice(w http.ResponseWriter, r *http.Request, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = notice.Execute(w, struct{ Theme, Text, Reference string }{theme(r), text, problem.RequestID(r.Context())})
}
