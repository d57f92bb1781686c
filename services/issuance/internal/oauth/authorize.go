package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/internal/page"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

// ConsentPath is where a person decides; it is reached on the portal's origin with the person's session.
const ConsentPath = "/oauth2/consent"

const requestURN = "urn:ietf:params:oauth:request_uri:"

// Authorize is the authorization endpoint, RFC 6749 §4.1.1: it asks nobody yet who they are, but keeps a good request and sends
// the person to decide about it. An error goes back to the client only once the client and its address are known to be good.
func (s *Server) Authorize(w http.ResponseWriter, r *http.Request) {
	f, err := asked(w, r)
	if err != nil {
		s.lost(w, r, err)
		return
	}
	ctx := r.Context()
	c, err := s.asker(ctx, f.Get("client_id"))
	if err != nil {
		s.lost(w, r, err)
		return
	}
	var in underway.Request
	if uri := f.Get("request_uri"); uri != "" {
		if in, err = s.pushed(ctx, c, uri); err != nil {
			s.lost(w, r, err)
			return
		}
	} else {
		if in, err = s.addressed(c, f); err != nil {
			s.lost(w, r, err)
			return
		}
		err = s.requested(c, f, &in)
		if err == nil && c.state.Class == "sensitive" {
			err = invalidRequest("for a product of this class the request is pushed first (RFC 9126)")
		}
	}
	if err == nil && f.Get("prompt") == "none" {
		err = refuse(http.StatusBadRequest, "interaction_required", "the person is always asked")
	}
	var refused *refusal
	if errors.As(err, &refused) {
		s.rejected(ctx, c, refused.recorded())
		s.turnBack(w, r, in.RedirectURI, in.State, refused)
		return
	}
	handle := ""
	if err == nil {
		handle, err = s.Underway.Open(ctx, in, s.Now())
	}
	if err != nil {
		s.Logger.ErrorContext(ctx, "authorization endpoint", "error", err)
		s.turnBack(w, r, in.RedirectURI, in.State, refuse(http.StatusServiceUnavailable, "temporarily_unavailable", "try again shortly"))
		return
	}
	page.Headers(w.Header())
	http.Redirect(w, r, ConsentPath+"?request="+handle, http.StatusSeeOther)
}

// asked reads the parameters of a request a browser brings, each said once.
func asked(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.Method == http.MethodPost {
		return form(w, r, "resource")
	}
	if len(r.URL.RawQuery) > maxForm {
		return nil, invalidRequest("the request is too large")
	}
	f, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalidRequest("the query cannot be read")
	}
	for name, values := range f {
		if len(values) > 1 && name != "resource" {
			return nil, invalidRequest("a parameter is given twice: " + printable(name))
		}
	}
	return f, nil
}

// pushed gives the request a client sent ahead, once (RFC 9126 §4).
func (s *Server) pushed(ctx context.Context, c client, uri string) (underway.Request, error) {
	handle, ok := strings.CutPrefix(uri, requestURN)
	if !ok {
		return underway.Request{}, invalidRequest("request_uri names no pushed request")
	}
	in, err := s.Underway.Pull(ctx, handle, c.id, s.Now())
	if errors.Is(err, underway.ErrUnknown) {
		s.replayed(ctx, c, "request_uri")
		return in, invalidRequest("the pushed request was used or is over")
	}
	return in, err
}

// addressed finds where the answer goes. Until it is known to be right, nothing is sent anywhere (RFC 6749 §4.1.2.1).
func (s *Server) addressed(c client, f url.Values) (underway.Request, error) {
	in := underway.Request{ClientID: c.id, RedirectURI: f.Get("redirect_uri"), Named: f.Has("redirect_uri"), State: f.Get("state"), MaxAge: -1, StartedAt: s.Now()}
	switch {
	case !c.may(authorizationCode) || len(c.state.RedirectURIs) == 0:
		return in, unauthorizedClient("the client may not ask people")
	case !in.Named && len(c.state.RedirectURIs) == 1 && !c.own():
		in.RedirectURI = c.state.RedirectURIs[0]
	case !redirects(c.state.RedirectURIs, in.RedirectURI):
		return in, invalidRequest("redirect_uri is not one that is registered")
	}
	return in, nil
}

// requested reads what is asked for; what it refuses is told to the client.
func (s *Server) requested(c client, f url.Values, in *underway.Request) error {
	challenge, err := base64.RawURLEncoding.DecodeString(f.Get("code_challenge"))
	switch {
	case f.Has("request"):
		return refuse(http.StatusBadRequest, "request_not_supported", "push the request instead")
	case f.Get("response_type") != "code":
		return refuse(http.StatusBadRequest, "unsupported_response_type", "response_type is code")
	case f.Has("response_mode") && f.Get("response_mode") != "query":
		return invalidRequest("response_mode is query")
	case f.Get("code_challenge_method") != "S256" || err != nil || len(challenge) != 32:
		return invalidRequest("code_challenge by the method S256 is needed (RFC 7636)")
	case len(in.State) > 1024:
		return invalidRequest("state is too long")
	}
	in.Challenge = f.Get("code_challenge")
	if in.KeyThumbprint = f.Get("dpop_jkt"); in.KeyThumbprint != "" && !isThumbprint(in.KeyThumbprint) {
		return invalidRequest("dpop_jkt is no thumbprint")
	}
	if age := f.Get("max_age"); age != "" {
		if in.MaxAge, err = strconv.ParseInt(age, 10, 32); err != nil || in.MaxAge < 0 {
			return invalidRequest("max_age is a number of seconds")
		}
	}
	for _, p := range strings.Fields(f.Get("prompt")) {
		switch p {
		case "login":
			in.Login = true
		case "none", "consent":
		default:
			return invalidRequest("prompt is none, login or consent")
		}
	}
	return s.scoped(c, f, in)
}

// scoped reads the scopes and resources (RFC 8707) of a request for a person.
func (s *Server) scoped(c client, f url.Values, in *underway.Request) (err error) {
	if c.own() {
		if f.Get("scope") != "" || slices.ContainsFunc(f["resource"], func(r string) bool { return r != s.Issuer }) {
			return refuse(http.StatusBadRequest, "invalid_scope", "this client acts as the person may, at this issuer")
		}
		in.Scopes = []string{}
		return nil
	}
	if err := target(f, c.state.ProductID); err != nil {
		return err
	}
	in.Scopes, err = narrowed(c.state.Scopes, f)
	return err
}

func isThumbprint(s string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(raw) == 32
}

// lost shows a person what cannot be told to a client that is not known to be good.
func (s *Server) lost(w http.ResponseWriter, r *http.Request, err error) {
	p := page.Refused{Title: "This request leads nowhere", What: "An application sent you here with a request that we cannot follow.",
		Now: "Go back to the application and start again. If it happens again, tell those who run it.", Reference: problem.RequestID(r.Context())}
	var refused *refusal
	status := http.StatusBadRequest
	if errors.As(err, &refused) {
		s.rejected(r.Context(), client{}, refused.recorded())
		if refused.Description != "" {
			p.What += " In the words for its developers: " + refused.Description + "."
		}
	} else {
		s.Logger.ErrorContext(r.Context(), "authorization endpoint", "error", err)
		p.What, status = "Something went wrong on our side, and it was recorded.", http.StatusServiceUnavailable
	}
	page.Render(w, r, status, p)
}
