package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
)

// renewRoutes are what a machine asks for by its live credential. They lie below /oauth2, which the front passes on without a
// session.
func (a *api) renewRoutes(e *endpoint.API) {
	door := endpoint.Limits{Address: endpoint.Rate{Count: 600, Per: time.Minute}}
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "POST", Path: "/oauth2/renew", Summary: "Renew a credential by itself", Limits: door, Accept: form}, a.OAuth.ByItself(refusals, a.renew), nil)
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "POST", Path: "/oauth2/renew/challenge", Summary: "Get a challenge for the key proof of a renewal", Limits: door, Accept: form}, a.OAuth.ByItself(refusals, a.renewChallenge), nil)
}

type renewed struct {
	issued
	// RenewFrom is when the new secret may be renewed in turn.
	RenewFrom time.Time `json:"renew_from"`
}

// renew gives the machine its own successor, within grant and class (D2).
func (a *api) renew(ctx context.Context, m oauth.Machine) (any, error) {
	now := a.Now().UTC().Truncate(time.Second)
	self := principal.Principal{ID: m.ID, Kind: principal.Client, Organization: m.State.Organization}
	in := HandedIn{KeyProof: m.Form.Get("key_proof"), Challenge: m.Form.Get("challenge"), CertificateRequest: m.Form.Get("certificate_request")}
	if m.Form.Has("delivery_store") || m.Form.Has("delivery_path") {
		in.Delivery = &Delivery{m.Form.Get("delivery_store"), m.Form.Get("delivery_path")}
	}
	brought, err := a.read(self, m.State.Kind, m.State.Environment, in)
	if err != nil {
		return nil, err
	}
	build := func(ctx context.Context, tail uint64) (aggregate.Command[credential.State], uint64, error) {
		allow, at, err := a.allowance(ctx, self, m.State.GrantID, max(tail, m.Seen))
		if err != nil {
			return nil, 0, err
		}
		g, _ := m.State.Generation(m.Generation)
		made, err := a.certified(ctx, brought, m.ID, m.State.Successor(now, g, allow))
		return credential.Renew{Generation: m.Generation, Now: now, Allowance: allow, Secret: made}, at, err
	}
	if err := a.take(ctx, m.ID, brought, m.State.Organization, build); err != nil {
		return nil, err
	}
	out, err := a.Credentials.HandleWith(ctx, m.ID, build)
	if err != nil {
		return nil, err
	}
	answer, err := a.hand(ctx, m.ID, brought, out)
	if err != nil {
		return nil, err
	}
	until := answer.Body.ExpiresAt
	return renewed{answer.Body, until.Add(-until.Sub(now) / 3)}, nil
}

func (a *api) renewChallenge(_ context.Context, m oauth.Machine) (any, error) {
	now := a.Now()
	challenge, until := a.Challenges.New(m.State.Organization, now)
	return challengeAnswer{challenge, a.OAuth.Issuer, int64(until.Sub(now).Seconds())}, nil
}
