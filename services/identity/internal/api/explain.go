package api

import (
	"errors"
	"net/http"

	"github.com/chancery-dev/chancery/services/identity/internal/organization"
	"github.com/chancery-dev/chancery/services/identity/internal/page"
	"github.com/chancery-dev/chancery/services/identity/internal/person"
	"github.com/chancery-dev/chancery/services/identity/internal/session"
	"github.com/chancery-dev/chancery/services/identity/internal/signon"
)

var (
	errForeignDomain = errors.New("the address is of no domain that this organisation signs in")
	errAnotherPerson = errors.New("another person came back than the one who is signed in")
	errSessionOver   = errors.New("the session to confirm is over")
)

type explanation struct {
	why              error
	status           int
	reason           string // as recorded
	title, what, now string
}

const askAdministrator = "If this goes on, show the reference below to your administrator."

// explanations say what happened, why, and what now; none says more than the person's own provider already told them.
var explanations = []explanation{
	{session.ErrUnknown, http.StatusBadRequest, "state_mismatch", "This sign-in is over",
		"It was finished already, took longer than fifteen minutes, or began in another browser.", "Start again from here."},
	{signon.ErrAnswer, http.StatusForbidden, "idp_error", "The sign-in was refused",
		"Your organisation’s identity provider did not let you in.", askAdministrator},
	{signon.ErrProvider, http.StatusBadGateway, "idp_error", "Your organisation cannot be reached",
		"Its identity provider did not answer as it should.", "Try again in a moment. " + askAdministrator},
	{signon.ErrIssuer, http.StatusBadRequest, "token_invalid", "The answer could not be trusted",
		"It did not come from your organisation’s identity provider, so nobody was signed in.", "Start again from here. " + askAdministrator},
	{signon.ErrToken, http.StatusBadRequest, "token_invalid", "The answer could not be trusted",
		"What your identity provider said did not hold, so nobody was signed in.", "Start again from here. " + askAdministrator},
	{signon.ErrClaims, http.StatusForbidden, "token_invalid", "Your account says too little",
		"Your identity provider must tell your name and a verified e-mail address.", askAdministrator},
	{signon.ErrAssurance, http.StatusForbidden, "token_invalid", "It was not confirmed",
		"Your identity provider did not ask for a second factor just now.", "Set up a second factor there, then try again. " + askAdministrator},
	{errForeignDomain, http.StatusForbidden, "token_invalid", "This address belongs elsewhere",
		"Your e-mail address is of a domain that this organisation does not sign in.", askAdministrator},
	{errAnotherPerson, http.StatusForbidden, "token_invalid", "That was another account",
		"You confirmed as somebody else than who is signed in here.", "Choose the same account as before."},
	{errSessionOver, http.StatusForbidden, "locked", "Your session is over", "It ended while you were confirming.", "Sign in again."},
	{errNoOrganization, http.StatusNotFound, "organization_unknown", "No such organisation", "Nobody signs in by this address.", "Start again with your e-mail address."},
	{errNotOpen, http.StatusForbidden, "organization_unknown", "Your organisation has no access now",
		"It is suspended, or its contract has ended.", "Your organisation’s contact with us can say more."},
	{organization.ErrClosed, http.StatusForbidden, "organization_unknown", "Your organisation has no access any more",
		"The relation with it was ended.", "Your organisation’s contact with us can say more."},
	{person.ErrLocked, http.StatusForbidden, "locked", "Your access is locked",
		"An administrator has barred you from signing in.", "Only an administrator can lift this."},
	{person.ErrGone, http.StatusForbidden, "deprovisioned", "You have no access any more",
		"Your organisation has said that you left.", "If that is wrong, your administrator can have it put right."},
	{person.ErrErased, http.StatusForbidden, "deprovisioned", "You have no access any more", "Your personal values were erased.", ""},
}

// explain fills in a page and says how to answer and what to record.
func explain(p *page.Failed, err error) (status int, reason string) {
	var refusal signon.Refusal
	if errors.As(err, &refusal) {
		p.Code, p.Answer = refusal.Code, refusal.Description
	}
	for _, e := range explanations {
		if errors.Is(err, e.why) {
			p.Title, p.What, p.Now = e.title, e.what, e.now
			return e.status, e.reason
		}
	}
	p.Title, p.What, p.Now = "This did not work", "Something went wrong on our side, and nobody was signed in.", "Try again in a moment."
	return http.StatusServiceUnavailable, "unavailable"
}
