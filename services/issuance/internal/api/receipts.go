package api

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/internal/applied"
	"github.com/chancery-dev/chancery/services/issuance/internal/authorizer"
)

var (
	readReceipt     = principal.For("receipt.read", read.Roles...)
	readAuthorizers = principal.For("authorizer.read", principal.PlatformAdmin, principal.Auditor, principal.SecurityReviewer)
	signOff         = principal.For("authorizer.sign_off", principal.PlatformAdmin).WithStepUp()
)

func (a *api) receipts(e *endpoint.API) {
	e.Refusals(problem.Map{
		authorizer.ErrNoMember:  {Kind: problem.NotFound, Code: "not_found"},
		authorizer.ErrNoReason:  {Kind: problem.Invalid, Code: "reason_missing"},
		applied.ErrNothingEnded: {Kind: problem.NotFound, Code: "not_found"},
	})
	endpoint.Route(e, readReceipt, endpoint.Operation{Method: "GET", Path: "/v1/receipts/{position}", Summary: "Read the newest signed receipt of an ending", Object: a.ended}, a.receipt)
	endpoint.Route(e, readAuthorizers, endpoint.Operation{Method: "GET", Path: "/v1/authorizers", Summary: "List authorizers and how far each has applied the log", Reach: "all authorizers; they belong to no organisation"}, a.authorizers)
	endpoint.Route(e, signOff, endpoint.Operation{Method: "POST", Path: "/v1/authorizers/{id}/sign-off", Summary: "Vouch that an authorizer judges no more calls", Object: a.member, Limits: endpoint.Limits{
		Person: endpoint.Rate{Count: 30, Per: time.Minute}}}, a.signOff)
}

// ended lets an organisation reach the endings of its own, and those who see all.
func (a *api) ended(ctx context.Context, p principal.Principal, position string) error {
	at, err := strconv.ParseUint(position, 10, 63)
	if err != nil || at == 0 {
		return problem.NotFoundError()
	}
	// What is not in the log yet is not asked for: its answer would take as long as a replica may be behind.
	tail, err := a.Applied.Tail(ctx)
	if err != nil {
		return err
	}
	if at > tail {
		return problem.NotFoundError()
	}
	r, err := a.Applied.Get(ctx, at)
	switch {
	case errors.Is(err, eventlog.ErrIncomplete):
		return problem.NotFoundError()
	case err != nil:
		return err
	case !applied.Ends(r), r.Envelope.GetOrganization() != p.Organization && !everywhere(p):
		return problem.NotFoundError()
	}
	return nil
}

type receiptRequest struct {
	Position uint64 `path:"position" minimum:"1"`
}

type receiptAnswer struct {
	Receipt any    `json:"receipt" doc:"What is signed, in clear: docs/runbooks/authorizer.md"`
	Signed  string `json:"signed" doc:"RFC 7515 compact, under a key of /oauth2/jwks; chancery verify receipt checks it offline"`
}

func (a *api) receipt(ctx context.Context, in receiptRequest) (endpoint.Answer[receiptAnswer], error) {
	r, signed, err := a.Applied.Make(ctx, in.Position)
	if err != nil {
		return endpoint.Answer[receiptAnswer]{}, err
	}
	return endpoint.At(in.Position, receiptAnswer{r, signed}), nil
}

type authorizersAnswer struct {
	Items []applied.Authorizer `json:"items"`
}

func (a *api) authorizers(context.Context, struct{}) (endpoint.Answer[authorizersAnswer], error) {
	return endpoint.OK(authorizersAnswer{a.Applied.List()}), nil
}

func (a *api) member(_ context.Context, _ principal.Principal, id string) error {
	if !a.Applied.Known(id) {
		return problem.NotFoundError()
	}
	return nil
}

type signOffRequest struct {
	ID   string `path:"id" maxLength:"128"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

func (a *api) signOff(ctx context.Context, in signOffRequest) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := a.Applied.Authorizers.HandleWith(ctx, in.ID, func(ctx context.Context, tail uint64) (aggregate.Command[authorizer.State], uint64, error) {
		at := max(tail, eventlog.MetaFrom(ctx).Shown)
		if err := a.Fold.WaitFor(ctx, at); err != nil {
			return nil, 0, err
		}
		at = max(at, a.Fold.Position())
		return authorizer.SignOff{Member: a.Applied.Member(in.ID), Reason: in.Body.Reason}, at, nil
	})
	if err != nil {
		return endpoint.Answer[endpoint.Receipt]{}, err
	}
	return endpoint.Done(in.ID, out.Position, out.Repeated), nil
}
