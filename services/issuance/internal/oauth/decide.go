package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
	"github.com/chancery-dev/chancery/services/issuance/internal/page"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

// ownLife is how long the suite's own command line may act before the person signs in to it again.
const ownLife = 12 * time.Hour

// question is a request that may be put to a person.
type question struct {
	client  client
	in      underway.Request
	handle  string
	formKey string
	until   time.Time
}

var (
	errOver     = errors.New("the request is over")
	errAudience = errors.New("the application is not for this person")
	errConfirm  = errors.New("the person has to confirm who they are first")
)

// question finds what a person is asked about, and whether this person may be asked: those of the application's own
// organisation may, and nobody else. A product of the class sensitive wants a fresh second factor (A2).
func (s *Server) question(ctx context.Context, p principal.Principal, handle string) (question, error) {
	q := question{handle: handle}
	var err error
	q.in, q.formKey, err = s.Underway.Show(ctx, handle, p.Session, s.Now())
	if errors.Is(err, underway.ErrUnknown) {
		return q, errOver
	}
	if err == nil {
		q.client, err = s.asker(ctx, q.in.ClientID)
	}
	if err != nil {
		return q, err
	}
	now, state := s.Now(), q.client.state
	q.until = now.Add(consent.MaxLife(state.Class))
	if q.client.own() {
		q.until = now.Add(ownLife)
	} else if state.ExpiresAt.Before(q.until) {
		q.until = state.ExpiresAt
	}
	fresh := now.Before(p.FreshUntil(endpoint.DefaultStepUpAge))
	switch {
	case !q.client.own() && state.Organization != p.Organization:
		return q, errAudience
	case state.Class == "sensitive" && !fresh,
		q.in.Login && p.AuthTime.Before(q.in.StartedAt.Truncate(time.Second)),
		q.in.MaxAge >= 0 && now.Sub(p.AuthTime) > max(time.Duration(q.in.MaxAge)*time.Second, time.Minute):
		return q, errConfirm
	}
	return q, nil
}

// Consent shows a person what a client asks for.
func (s *Server) Consent(w http.ResponseWriter, r *http.Request) {
	p := principal.Caller(r.Context())
	q, err := s.question(r.Context(), p, r.FormValue("request"))
	if err != nil {
		s.cannot(w, r, q, err)
		return
	}
	c := page.Consent{Handle: q.handle, Key: q.formKey, Until: q.until.UTC(), Application: q.client.state.Name, Own: q.client.own(),
		Device: len(q.in.Device) > 0, From: q.in.From, Agent: q.in.Agent}
	if !c.Device {
		c.Back = hostOf(q.in.RedirectURI)
	}
	if state := q.client.state; !c.Own {
		c.Application, c.ApplicationID = s.Names.Name(state.ApplicationID), state.ApplicationID
		c.Organization, c.Product, c.Environment = s.Names.Name(state.Organization), s.Names.Name(state.ProductID), state.Environment
		for _, scope := range s.Names.Scopes(state.ProductID, q.in.Scopes) {
			c.Scopes = append(c.Scopes, page.Scope(scope))
		}
	}
	page.Render(w, r, http.StatusOK, c, q.in.RedirectURI)
}

// Decide takes a person's answer, once. What they allow becomes a fact when the client redeems the code.
func (s *Server) Decide(w http.ResponseWriter, r *http.Request) {
	ctx, p := r.Context(), principal.Caller(r.Context())
	q, err := s.question(ctx, p, r.PostFormValue("request"))
	if err == nil {
		if _, err = s.Underway.Close(ctx, q.handle, p.Session, r.PostFormValue("key"), s.Now()); errors.Is(err, underway.ErrUnknown) {
			err = errOver
		}
	}
	if err != nil {
		s.cannot(w, r, q, err)
		return
	}
	allowed := r.PostFormValue("decision") == "allow"
	if len(q.in.Device) > 0 {
		s.decideDevice(w, r, q, p, allowed)
		return
	}
	if !allowed {
		s.turnBack(w, r, q.in.RedirectURI, q.in.State, refuse(http.StatusForbidden, "access_denied", "the person did not allow it"))
		return
	}
	code := underway.Handle()
	id, err := uuid.NewV7()
	if err == nil {
		err = s.Underway.Allow(ctx, code, underway.Code{ConsentID: id.String(), Request: q.in, Decision: s.decision(ctx, p)}, s.Now())
	}
	if err != nil {
		s.Logger.ErrorContext(ctx, "consent", "error", err)
		s.turnBack(w, r, q.in.RedirectURI, q.in.State, refuse(http.StatusServiceUnavailable, "temporarily_unavailable", "try again shortly"))
		return
	}
	s.sendBack(w, r, q.in.RedirectURI, q.in.State, url.Values{"code": {code}})
}

// decision is what is to be said of who decided once there is a fact.
func (s *Server) decision(ctx context.Context, p principal.Principal) underway.Decision {
	call := endpoint.CallOf(ctx)
	return underway.Decision{PersonID: p.ID, OrganizationID: p.Organization, SessionID: p.Session, SessionSeen: p.SessionSeen, Seen: s.Fold.Position(),
		ACR: p.ACR, AMR: p.AMR, AuthTime: p.AuthTime, IP: call.Address, UserAgent: call.UserAgent, RequestID: call.RequestID,
		CorrelationID: call.CorrelationID, At: s.Now()}
}

// cannot tells a person why nothing can be decided, or sends them to confirm who they are.
func (s *Server) cannot(w http.ResponseWriter, r *http.Request, q question, err error) {
	p, status := page.Refused{Reference: problem.RequestID(r.Context())}, http.StatusForbidden
	var refused *refusal
	switch {
	case errors.Is(err, errConfirm):
		page.Headers(w.Header())
		http.Redirect(w, r, "/auth/step-up?return_to="+url.QueryEscape(ConsentPath+"?request="+url.QueryEscape(q.handle)), http.StatusSeeOther)
		return
	case errors.Is(err, errOver):
		status, p.Title = http.StatusNotFound, "This request is over"
		p.What, p.Now = "It was decided already, it took too long, or it belongs to another session.", "Go back to the application and start again."
	case errors.Is(err, errAudience):
		p.Title, p.What = "This application is not for you", "It belongs to another organisation, and only that organisation's people can let it act for them."
		p.Now = "Nothing was told to the application."
	case errors.As(err, &refused):
		p.Title, p.What = "This application cannot be used", "It was ended, suspended, or has not what it takes to act for people."
	default:
		s.Logger.ErrorContext(r.Context(), "consent", "error", err)
		status, p.Title, p.What, p.Now = http.StatusServiceUnavailable, "This did not work", "Something went wrong on our side, and it was recorded.", "Try again in a moment."
	}
	page.Render(w, r, status, p)
}

// RefusedPage answers for the guard, in a page instead of a problem document.
func (s *Server) RefusedPage(w http.ResponseWriter, r *http.Request, err error) {
	p := page.Refused{Title: "This did not work", What: "Something went wrong on our side, and it was recorded.", Reference: problem.RequestID(r.Context())}
	status := problem.Internal.Status()
	var refusal *problem.Error
	if errors.As(err, &refusal) {
		status, p.What = refusal.Kind().Status(), refusal.Sentence()
	} else {
		s.Logger.ErrorContext(r.Context(), "a consent page failed", "request_id", p.Reference, "error", err)
	}
	page.Render(w, r, status, p)
}
