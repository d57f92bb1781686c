package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
	"github.com/chancery-dev/chancery/services/identity/internal/page"
	"github.com/chancery-dev/chancery/services/identity/internal/session"
	"github.com/chancery-dev/chancery/services/identity/internal/signon"
)

// start sends a person to the provider of an organisation, or of an address, and remembers in which browser they went.
func (a *API) start(w http.ResponseWriter, r *http.Request) {
	back, organizationID, hint := local(r.FormValue("return_to")), r.FormValue("organization"), r.FormValue("login_hint")
	if email := r.FormValue("email"); email != "" && organizationID == "" {
		o, domain, err := a.organizationOf(r, email)
		switch {
		case err != nil:
			a.refusedPage(w, r, err)
			return
		case o.ID == "":
			page.Render(w, r, http.StatusOK, page.Unknown{Domain: domain, ReturnTo: back})
			return
		}
		organizationID, hint = o.ID, email
	}
	if hint == "" {
		hint, _ = url.QueryUnescape(a.value(r, "hint"))
	}
	if len(hint) > 254 {
		hint = ""
	}
	a.set(w, "hint", "", 0)
	a.send(w, r, organizationID, hint, session.SignIn{ReturnTo: back})
}

// stepUp sends the person of this session back to their provider for a second factor, now.
func (a *API) stepUp(w http.ResponseWriter, r *http.Request) {
	p := principal.Caller(r.Context())
	who, _, err := a.Rows.Person(r.Context(), p.ID)
	if err != nil {
		a.refusedPage(w, r, err)
		return
	}
	a.send(w, r, p.Organization, who.Email, session.SignIn{ReturnTo: local(r.FormValue("return_to")), SessionID: p.Session})
}

func (a *API) send(w http.ResponseWriter, r *http.Request, organizationID, hint string, in session.SignIn) {
	ctx := r.Context()
	at, err := a.registration(ctx, organizationID)
	if !errors.Is(err, errNoOrganization) {
		in.OrganizationID = organizationID
	}
	attempt := signon.NewAttempt(in.SessionID != "", a.Clock())
	var to string
	if err == nil {
		to, err = a.Providers.Address(ctx, at, attempt, hint)
	}
	if err != nil {
		a.failed(w, r, in, at.Issuer, err)
		return
	}
	// One browser may have several sign-ins under way, one a tab.
	binding := a.value(r, "browser")
	if len(binding) != len(attempt.State) {
		binding = signon.NewAttempt(false, a.Clock()).State
	}
	in.Nonce, in.Verifier, in.StartedAt = attempt.Nonce, attempt.Verifier, attempt.Started
	if err := a.Sessions.Begin(ctx, attempt.State, binding, in); err != nil {
		a.refusedPage(w, r, err)
		return
	}
	a.set(w, "browser", binding, session.SignInFor)
	page.Headers(w.Header())
	http.Redirect(w, r, to, http.StatusSeeOther)
}

var (
	errNoOrganization = errors.New("no organisation signs in like this")
	errNotOpen        = errors.New("the organisation is suspended or its contract has ended")
)

// registration is how an organisation's provider knows us, unless nobody of it may sign in now.
func (a *API) registration(ctx context.Context, organizationID string) (signon.Registration, error) {
	s, _, err := a.Organizations.Load(ctx, organizationID)
	switch {
	case err != nil:
		return signon.Registration{}, err
	case s.Kind == "" || s.Closed || s.SingleSignOn.Issuer == "":
		return signon.Registration{}, errNoOrganization
	case a.Fold.Live(lineage.Ref{Kind: "organization", ID: organizationID}, a.Clock()) != nil:
		return signon.Registration{Issuer: s.SingleSignOn.Issuer}, errNotOpen
	}
	return a.registered(ctx, s)
}

func (a *API) registered(ctx context.Context, s organization.State) (signon.Registration, error) {
	at := signon.Registration{Issuer: s.SingleSignOn.Issuer, ClientID: s.SingleSignOn.ClientID}
	var err error
	at.ClientSecret, err = a.clientSecret(ctx, s.SingleSignOn.SecretID)
	return at, err
}

// failed shows why a sign-in ended, and records that it did.
func (a *API) failed(w http.ResponseWriter, r *http.Request, in session.SignIn, issuer string, err error) {
	ctx := r.Context()
	p := page.Failed{Reference: problem.RequestID(ctx), ReturnTo: in.ReturnTo, StepUp: in.SessionID != ""}
	status, reason := explain(&p, err)
	if p.ReturnTo == "" {
		p.ReturnTo = "/"
	}
	a.Logger.InfoContext(ctx, "a sign-in was refused", "request_id", p.Reference, "reason", reason, "issuer", issuer, "error", err)
	if err := a.failures.tell(ctx, a.Log, a.Clock(), failure{address(r), in.OrganizationID, issuer, reason}); err != nil {
		// What must be recorded and cannot be is answered as unavailable: no attempt goes unseen.
		a.refusedPage(w, r, err)
		return
	}
	page.Render(w, r, status, p)
}
