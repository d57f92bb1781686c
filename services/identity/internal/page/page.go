// Package page renders the sign-in pages: plain HTML without a script, in light and dark, under a policy that allows no other.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"strings"
)

//go:embed *.html auth.css seal.svg
var files embed.FS

var (
	templates = template.Must(template.New("").Funcs(template.FuncMap{"asset": asset}).ParseFS(files, "*.html"))
	versions  = map[string]string{"auth.css": version("auth.css"), "seal.svg": version("seal.svg")}
)

func version(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

func asset(name string) string { return "/auth/assets/" + versions[name] + "/" + name }

// SignIn asks for an address, or offers the organisation that was used last.
type SignIn struct {
	Email, ReturnTo string
	Problem         string // beside the field
	LastName, Last  string // organisation used last on this browser: name and id
}

// Found offers the way to an organisation's own sign-in.
type Found struct{ Organization, Name, ReturnTo string }

// Unknown says, of any address whatever, that no organisation signs in by its domain.
type Unknown struct{ Domain, ReturnTo string }

// Failed says why a sign-in ended and what may be done.
type Failed struct {
	Title, What, Now string
	Code, Answer     string // of the identity provider, if it refused
	Reference        string
	ReturnTo         string
	StepUp           bool
}

// SignedOut says that the session is over.
type SignedOut struct{}

type content struct {
	Title, Theme string
	Page         any
}

// Render writes a page with its security headers. The theme is what the browser's cookie asks for.
func Render(w http.ResponseWriter, r *http.Request, status int, page any) {
	c := content{Theme: theme(r), Page: page}
	var name string
	switch p := page.(type) {
	case SignIn:
		name, c.Title = "sign-in", "Sign in"
	case Found:
		name, c.Title = "found", "Sign in with "+p.Name
	case Unknown:
		name, c.Title = "unknown", "No organisation found"
	case Failed:
		name, c.Title = "failed", p.Title
	default:
		name, c.Title = "signed-out", "Signed out"
	}
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, c); err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	Headers(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w)
}

// Headers sets what every sign-in page and redirect carries.
func Headers(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

func theme(r *http.Request) string {
	if c, err := r.Cookie("theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return "system"
}

// Asset serves the pages' own style and picture for ever, since their addresses change with them.
func Asset(w http.ResponseWriter, r *http.Request) {
	at, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/auth/assets/"), "/")
	b, err := files.ReadFile(name)
	if err != nil || versions[name] == "" || versions[name] != at {
		http.NotFound(w, r)
		return
	}
	Headers(w.Header())
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Type", map[bool]string{true: "text/css; charset=utf-8", false: "image/svg+xml"}[strings.HasSuffix(name, ".css")])
	_, _ = w.Write(b)
}
