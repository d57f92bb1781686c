package api

import (
	"errors"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/identity/internal/page"
	"github.com/chancery-dev/chancery/services/identity/internal/person"
	"github.com/chancery-dev/chancery/services/identity/internal/view"
)

const (
	hintFor = 10 * time.Minute
	lastFor = 180 * 24 * time.Hour
)

// Cookies of the sign-in pages: which browser a sign-in belongs to, the address given, the organisation used last.
func (a *API) cookie(name string) string {
	if a.Secure {
		return "__Host-chancery-" + name
	}
	return "chancery_" + name
}

func (a *API) set(w http.ResponseWriter, name, value string, age time.Duration) {
	c := &http.Cookie{Name: a.cookie(name), Value: value, Path: "/", HttpOnly: true, Secure: a.Secure, SameSite: http.SameSiteLaxMode, MaxAge: int(age.Seconds())}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

func (a *API) value(r *http.Request, name string) string {
	if c, err := r.Cookie(a.cookie(name)); err == nil && len(c.Value) <= 300 {
		return c.Value
	}
	return ""
}

// local keeps a way back on this origin: anything else leads to the start.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || len(to) > 2000 || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\x00\r\n\t") ||
		u.Host != "" || u.Scheme != "" || strings.HasPrefix(u.Path, "/auth/") || strings.HasPrefix(u.Path, "/api/") {
		return "/"
	}
	return u.String()
}

func (a *API) signInPage(w http.ResponseWriter, r *http.Request) {
	p := page.SignIn{ReturnTo: local(r.FormValue("return_to"))}
	if id := a.value(r, "organization"); id != "" {
		if o, found, err := a.Rows.Organization(r.Context(), id); err == nil && found && !o.Closed {
			p.Last, p.LastName = o.ID, o.Name
		}
	}
	page.Render(w, r, http.StatusOK, p)
}

var errAddress = problem.InvalidField("email", "format", "is no complete e-mail address; it looks like name@organisation.com")

// organizationOf looks at the domain alone: whether a person is known makes no difference. No organisation has an empty id.
func (a *API) organizationOf(r *http.Request, email string) (o view.Organization, domain string, err error) {
	email = strings.ToLower(strings.TrimSpace(email))
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email || len(email) > 254 {
		return o, "", errAddress
	}
	domain = email[strings.LastIndexByte(email, '@')+1:]
	o, _, err = a.Rows.ByDomain(r.Context(), domain)
	return o, domain, err
}

func (a *API) discover(w http.ResponseWriter, r *http.Request) {
	back, given := local(r.FormValue("return_to")), strings.TrimSpace(r.FormValue("email"))
	o, domain, err := a.organizationOf(r, given)
	switch {
	case errors.Is(err, errAddress):
		page.Render(w, r, http.StatusUnprocessableEntity, page.SignIn{ReturnTo: back, Email: given, Problem: "This is no complete e-mail address. It looks like name@organisation.com."})
	case err != nil:
		a.refusedPage(w, r, err)
	case o.ID == "":
		page.Render(w, r, http.StatusOK, page.Unknown{Domain: domain, ReturnTo: back})
	default:
		a.set(w, "hint", url.QueryEscape(strings.ToLower(given)), hintFor)
		page.Render(w, r, http.StatusOK, page.Found{Organization: o.ID, Name: o.Name, ReturnTo: back})
	}
}

func (a *API) signedOutPage(w http.ResponseWriter, r *http.Request) {
	page.Render(w, r, http.StatusOK, page.SignedOut{})
}

func (a *API) signOut(w http.ResponseWriter, r *http.Request) {
	p := principal.Caller(r.Context())
	if _, err := a.People.Handle(r.Context(), p.ID, person.EndSession{SessionID: p.Session, Reason: "sign_out"}); err != nil {
		a.refusedPage(w, r, refusals.Refuse(err))
		return
	}
	page.Headers(w.Header())
	http.Redirect(w, r, "/auth/signed-out", http.StatusSeeOther)
}

// refusedPage answers for the guard, in a page instead of a problem document.
func (a *API) refusedPage(w http.ResponseWriter, r *http.Request, err error) {
	p := page.Failed{Title: "This did not work", What: "Something went wrong on our side, and it was recorded.", Now: "Try again in a moment.",
		Reference: problem.RequestID(r.Context()), ReturnTo: local(r.FormValue("return_to"))}
	status := problem.Internal.Status()
	var refusal *problem.Error
	if errors.As(err, &refusal) {
		status = refusal.Kind().Status()
		p.What, p.Now = refusal.Sentence(), ""
	} else {
		a.Logger.ErrorContext(r.Context(), "a sign-in page failed", "request_id", p.Reference, "error", err)
	}
	switch status {
	case http.StatusUnauthorized:
		p.Title, p.What = "You are not signed in", "Your session is over."
	case http.StatusTooManyRequests:
		p.Title, p.What, p.Now = "Too many attempts", "There were many sign-ins from your network in a short time.", "Wait a minute, then try again."
	}
	page.Render(w, r, status, p)
}

// address is the caller's network address as far as trusted proxies tell.
func address(r *http.Request) string { return endpoint.CallOf(r.Context()).Address }
