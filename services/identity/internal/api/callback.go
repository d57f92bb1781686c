package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/identity/internal/page"
	"github.com/chancery-dev/chancery/services/identity/internal/session"
	"github.com/chancery-dev/chancery/services/identity/internal/signon"
)

// HandoffHeader carries the one-time code of a new session to the portal, which takes it out before the browser sees it.
const HandoffHeader = "Chancery-Handoff"

// callback is where a person comes back to from their provider.
//
//  1. The state names a sign-in of this browser, which is thereby over.
//  2. The provider's answer is redeemed and its token verified.
//  3. The person arrives (arrive.go), or is confirmed as who is signed in.
//  4. The sign-in is recorded, durably, before there is a session.
//  5. The session is kept, and its one-time code handed to the portal.
func (a *API) callback(w http.ResponseWriter, r *http.Request) {
	ctx, answer := r.Context(), r.URL.Query()
	in, err := a.Sessions.Take(ctx, answer.Get("state"), a.value(r, "browser"), a.Clock())
	if err != nil {
		a.failed(w, r, in, "", err)
		return
	}
	org, _, err := a.Organizations.Load(ctx, in.OrganizationID)
	if err != nil {
		a.failed(w, r, in, "", err)
		return
	}
	at, err := a.registered(ctx, org)
	var claims signon.Claims
	if err == nil {
		claims, err = a.Providers.Redeem(ctx, at, signon.Attempt{Nonce: in.Nonce, Verifier: in.Verifier, StepUp: in.SessionID != "", Started: in.StartedAt}, answer)
	}
	var code string
	switch {
	case err != nil:
	case in.SessionID != "":
		code, err = a.confirm(ctx, in, claims)
	default:
		code, err = a.begin(ctx, in, claims)
	}
	if err != nil {
		a.failed(w, r, in, at.Issuer, err)
		return
	}
	a.set(w, "organization", in.OrganizationID, lastFor)
	page.Headers(w.Header())
	w.Header().Set(HandoffHeader, code)
	http.Redirect(w, r, in.ReturnTo, http.StatusSeeOther)
}

// begin starts a session and answers the code by which it is fetched.
func (a *API) begin(ctx context.Context, in session.SignIn, c signon.Claims) (string, error) {
	who, err := a.arrive(ctx, in.OrganizationID, c)
	if err != nil {
		return "", err
	}
	now, call := a.Clock(), endpoint.CallOf(ctx)
	s := session.Session{ID: uuid.NewString(), PersonID: who.personID, OrganizationID: in.OrganizationID, Issuer: c.Issuer, ACR: c.ACR, AMR: c.AMR,
		StartedAt: now, ExpiresAt: now.Add(a.SessionLife), Seen: who.seen, IP: call.Address, UserAgent: call.UserAgent}
	if !c.AuthTime.IsZero() {
		s.AuthTime = &c.AuthTime
	}
	err = a.Log.Observe(observed(ctx, s, c), "sign_in", &activityv1.SignInSucceeded{PersonId: s.PersonID, SessionId: s.ID, Issuer: c.Issuer,
		ExpiresAt: timestamppb.New(s.ExpiresAt)})
	if err != nil {
		return "", err
	}
	code := signon.NewAttempt(false, now).State
	return code, a.Sessions.Start(ctx, s, code)
}

// confirm raises the session that asked for it, if the same person came back and the session still stands.
func (a *API) confirm(ctx context.Context, in session.SignIn, c signon.Claims) (string, error) {
	s, err := a.Sessions.Find(ctx, in.SessionID, a.Clock())
	if errors.Is(err, session.ErrUnknown) {
		return "", errSessionOver
	}
	if err != nil {
		return "", err
	}
	who, err := a.arrive(ctx, in.OrganizationID, c)
	switch {
	case err != nil:
		return "", err
	case who.personID != s.PersonID:
		return "", errAnotherPerson
	case a.alive(s) != nil:
		return "", errSessionOver
	}
	if err := a.Log.Observe(observed(ctx, s, c), "step_up", &activityv1.StepUpSucceeded{SessionId: s.ID, Acr: c.ACR}); err != nil {
		return "", err
	}
	code := signon.NewAttempt(false, a.Clock()).State
	return code, a.Sessions.Confirm(ctx, s.ID, c.ACR, c.AMR, c.AuthTime, a.Clock(), code)
}

// observed is ctx for what a person did in a session.
func observed(ctx context.Context, s session.Session, c signon.Claims) context.Context {
	m := eventlog.MetaFrom(ctx)
	m.Actor = &eventv1.Actor{Id: s.PersonID, Kind: "person", Session: s.ID}
	m.Subject = &eventv1.Subject{Kind: "session", Id: s.ID, Person: s.PersonID}
	m.Organization, m.Seen = s.OrganizationID, s.Seen
	m.Assurance = &eventv1.Assurance{Acr: c.ACR, Amr: c.AMR}
	if !c.AuthTime.IsZero() {
		m.Assurance.AuthenticatedAt = timestamppb.New(c.AuthTime)
	}
	return eventlog.WithMeta(ctx, m)
}
