// Package page renders the pages by which a person lets a client act for them.
package page

import (
	"embed"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/webpage"
)

//go:embed *.html
var files embed.FS

var site = webpage.New("/oauth2/assets/", "You can take this back at any time. Chancery never shows anybody your sign-in.", files)

// Scope is one scope in words.
type Scope struct{ Name, Words, Risk string }

// Consent asks whether a client may act.
type Consent struct {
	Handle, Key                        string
	Application, ApplicationID         string
	Organization, Product, Environment string
	Scopes                             []Scope
	Until                              time.Time
	// Back is the host that gets the answer; empty for a device.
	Back string
	// From and Agent are where a device asks from, and what it calls itself.
	Device      bool
	From, Agent string
	// Own says that it is a client of the suite itself, which acts as the person may.
	Own bool
}

// Device asks for the code a device shows.
type Device struct{ Typed, Problem string }

// Done says that a device may go on, or may not.
type Done struct{ Allowed bool }

// Refused says why nothing can be decided.
type Refused struct{ Title, What, Now, Reference string }

// Render writes a page with its security headers; a form of it may lead to the targets besides this origin.
func Render(w http.ResponseWriter, r *http.Request, status int, page any, targets ...string) {
	var name, title string
	switch p := page.(type) {
	case Consent:
		name, title = "consent", "Let "+p.Application+" act for you"
	case Device:
		name, title = "device", "Connect a device"
	case Done:
		name, title = "done", "Done"
	case Refused:
		name, title = "refused", p.Title
	}
	site.Render(w, r, status, name, title, page, targets...)
}

// Headers sets what every page and redirect carries.
func Headers(h http.Header) { webpage.Headers(h) }

// Asset serves the pages' own style and picture.
func Asset(w http.ResponseWriter, r *http.Request) { site.Asset(w, r) }
