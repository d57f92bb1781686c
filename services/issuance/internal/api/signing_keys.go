package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
	"github.com/chancery-dev/chancery/services/issuance/internal/signingkey"
)

var (
	readKeys   = principal.For("signing_key.read", principal.PlatformAdmin, principal.Auditor)
	rotateKeys = principal.For("signing_key.rotate", principal.PlatformAdmin).WithStepUp()
	compromise = principal.For("signing_key.compromise", principal.PlatformAdmin).WithStepUp()
)

func (a *api) signingKeyRoutes(e *endpoint.API) {
	endpoint.Route(e, readKeys, endpoint.Operation{Method: "GET", Path: "/v1/signing-keys", Summary: "List signing keys", Reach: "the platform's"}, a.signingKeys)
	endpoint.Route(e, rotateKeys, endpoint.Operation{Method: "POST", Path: "/v1/signing-keys/rotate", Summary: "Let the next signing key sign; what the one before signed stays good", Reach: "the platform's",
		Limits: endpoint.Limits{Person: endpoint.Rate{Count: 10, Per: time.Minute}}}, a.rotateKeys)
	endpoint.Route(e, compromise, endpoint.Operation{Method: "POST", Path: "/v1/signing-keys/{id}/compromise", Summary: "End a signing key and everything it signed", Reach: "the platform's"}, a.compromise)
}

type keysAnswer struct {
	Items []oauth.SigningKey `json:"items"`
}

func (a *api) signingKeys(context.Context, struct{}) (endpoint.Answer[keysAnswer], error) {
	return endpoint.OK(keysAnswer{a.OAuth.Keys.All(a.Now())}), nil
}

type turned struct {
	ID       string `json:"id" doc:"The key that signs from here on"`
	Previous string `json:"previous,omitempty" doc:"The key that signed before; what it signed stays good until its end"`
	Position uint64 `json:"position"`
}

func (a *api) rotateKeys(ctx context.Context, _ struct{}) (endpoint.Answer[turned], error) {
	t, err := a.Turn(ctx)
	if err != nil {
		return endpoint.Answer[turned]{}, err
	}
	return endpoint.At(t.Position, turned{ID: t.KeyID, Previous: t.Previous, Position: t.Position}), nil
}

type compromiseRequest struct {
	ID   string `path:"id"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (a *api) compromise(ctx context.Context, in compromiseRequest) (endpoint.Answer[ended], error) {
	out, err := a.SigningKeys.Handle(ctx, in.ID, signingkey.Compromise{KeyID: in.ID, Reason: in.Body.Reason})
	if err != nil {
		return endpoint.Answer[ended]{}, err
	}
	if err := a.Fold.WaitFor(ctx, out.Position); err != nil { // nothing more is signed with it here
		return endpoint.Answer[ended]{}, err
	}
	return endpoint.At(out.Position, ended{ID: in.ID, Position: out.Position, Repeated: out.Repeated, Receipt: a.Applied.Wait(ctx, out.Position)}), nil
}
