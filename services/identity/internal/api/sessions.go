package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/identity/internal/person"
	"github.com/chancery-dev/chancery/services/identity/internal/session"
)

type sessionAnswer struct {
	ID        string    `json:"id"`
	Current   bool      `json:"current"`
	StartedAt time.Time `json:"started_at"`
	ExpiresAt time.Time `json:"expires_at"`
	ACR       string    `json:"acr,omitempty"`
	AMR       []string  `json:"amr"`
	IP        string    `json:"ip,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
}

// sessions are few: those of one person that have not ended.
func (a *API) sessions(ctx context.Context, _ struct{}) (endpoint.Answer[endpoint.Page[sessionAnswer]], error) {
	p := principal.Caller(ctx)
	rows, err := a.Sessions.Of(ctx, p.ID, a.Clock(), 200)
	if err != nil {
		return endpoint.Answer[endpoint.Page[sessionAnswer]]{}, err
	}
	var out endpoint.Page[sessionAnswer]
	for _, s := range rows {
		if a.alive(s) == nil {
			out.Items = append(out.Items, sessionAnswer{ID: s.ID, Current: s.ID == p.Session, StartedAt: s.StartedAt, ExpiresAt: s.ExpiresAt,
				ACR: s.ACR, AMR: s.AMR, IP: s.IP, UserAgent: s.UserAgent})
		}
	}
	return endpoint.OK(out), nil
}

// alive is nil while the session, its person and their organisation stand.
func (a *API) alive(s session.Session) error {
	return a.Fold.LiveClaim(lineage.Claim{Ref: lineage.Ref{Kind: "session", ID: s.ID}, Seen: s.Seen, Expires: s.ExpiresAt,
		Ancestors: []lineage.Ref{{Kind: "person", ID: s.PersonID}}}, a.Clock())
}

func (a *API) endSession(ctx context.Context, in byID) (receipt, error) {
	s, err := a.Sessions.Find(ctx, in.ID, a.Clock())
	if err != nil {
		return receipt{}, err
	}
	reason := "sign_out"
	if s.PersonID != principal.Caller(ctx).ID {
		reason = "administrator"
	}
	out, err := a.People.Handle(ctx, s.PersonID, person.EndSession{SessionID: s.ID, Reason: reason})
	if err != nil {
		return receipt{}, err
	}
	return endpoint.Done(s.ID, out.Position, out.Repeated), nil
}

type redeemRequest struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"200"`
	}
}

// fetched is a session as the portal keeps it.
type fetched struct {
	ID             string     `json:"id"`
	PersonID       string     `json:"person_id"`
	OrganizationID string     `json:"organization_id"`
	ACR            string     `json:"acr"`
	AMR            []string   `json:"amr"`
	AuthTime       *time.Time `json:"auth_time,omitempty"`
	Seen           uint64     `json:"seen" doc:"Position of the fold the sign-in rested on"`
	ExpiresAt      time.Time  `json:"expires_at"`
}

func (a *API) redeem(ctx context.Context, in redeemRequest) (endpoint.Answer[fetched], error) {
	if err := onlyPortal(ctx); err != nil {
		return endpoint.Answer[fetched]{}, err
	}
	return a.fetched(a.Sessions.Redeem(ctx, in.Body.Code, a.Clock()))
}

func (a *API) fetchSession(ctx context.Context, in byID) (endpoint.Answer[fetched], error) {
	if err := onlyPortal(ctx); err != nil {
		return endpoint.Answer[fetched]{}, err
	}
	return a.fetched(a.Sessions.Find(ctx, in.ID, a.Clock()))
}

func (a *API) fetched(s session.Session, err error) (endpoint.Answer[fetched], error) {
	if err == nil && a.alive(s) != nil {
		err = problem.NotFoundError()
	}
	if err != nil {
		return endpoint.Answer[fetched]{}, err
	}
	return endpoint.OK(fetched{ID: s.ID, PersonID: s.PersonID, OrganizationID: s.OrganizationID, ACR: s.ACR, AMR: s.AMR, AuthTime: s.AuthTime,
		Seen: s.Seen, ExpiresAt: s.ExpiresAt}), nil
}

var errNotPortal = problem.New(problem.Forbidden, "wrong_service", "Only the portal fetches sessions.")

func onlyPortal(ctx context.Context) error {
	if p := principal.Caller(ctx); p.Kind != principal.Service || p.ID != "portal" {
		return errNotPortal
	}
	return nil
}
