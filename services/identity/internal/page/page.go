// Package page renders the sign-in pages.
package page

import (
	"embed"
	"net/http"

	"github.com/chancery-dev/chancery/libs/webpage"
)

//go:embed *.html
var files embed.FS

var site = webpage.New("/auth/assets/", "You sign in with your organisation’s own account. There is no password here.", files)

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

// Render writes a page with its security headers. The theme is what the browser's cookie asks for.
func Render(w http.ResponseWriter, r *http.Request, status int, page any) {
	var name, title string
	switch p := page.(type) {
	case SignIn:
		name, title = "sign-in", "Sign in"
	case Found:
		name, title = "found", "Sign in with "+p.Name
	case Unknown:
		name, title = "unknown", "No organisation found"
	case Failed:
		name, title = "failed", p.Title
	default:
		name, title = "signed-out", "Signed out"
	}
	site.Render(w, r, status, name, title, page)
}

// Headers sets what every sign-in page and redirect carries.
func Headers(h http.Header) { webpage.Headers(h) }

// Asset serves the pages' own style and picture for ever, since their addresses change with them.
func Asset(w http.ResponseWriter, r *http.Request) { site.Asset(w, r) }
