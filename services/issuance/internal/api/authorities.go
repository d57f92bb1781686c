package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/internal/authority"
	"github.com/chancery-dev/chancery/services/issuance/internal/pki"
)

// pkiRoutes publish what whoever checks certificates needs: the authorities' certificates and their revocation lists.
func (a *api) pkiRoutes(e *endpoint.API) {
	door := endpoint.Limits{Address: endpoint.Rate{Count: 6000, Per: time.Minute}}
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "GET", Path: "/oauth2/authorities", Summary: "Certificates of the authorities for client certificates, PEM", Limits: door}, http.HandlerFunc(a.bundle), nil)
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "GET", Path: "/oauth2/authorities/{id}/crl", Summary: "Revocation list of an authority, RFC 5280", Limits: door}, http.HandlerFunc(a.list5280), nil)
	endpoint.Route(e, compromise, endpoint.Operation{Method: "POST", Path: "/v1/certificate-authorities/{id}/compromise", Summary: "Say that an authority's key is in other hands", Reach: "the platform's"}, a.compromiseAuthority)
}

func (a *api) bundle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(a.Authorities.Bundle())
}

func (a *api) list5280(w http.ResponseWriter, r *http.Request) {
	list, err := a.Authorities.List(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, pki.ErrUnknown):
		problem.Write(w, problem.NotFoundError(), "")
	case err != nil:
		problem.Write(w, err, "")
	default:
		w.Header().Set("Content-Type", "application/pkix-crl")
		w.Header().Set("Cache-Control", "public, max-age=10")
		_, _ = w.Write(list)
	}
}

func (a *api) compromiseAuthority(ctx context.Context, in compromiseRequest) (endpoint.Answer[ended], error) {
	out, err := a.Authorities.Repository.Handle(ctx, in.ID, authority.Compromise{ID: in.ID, Reason: in.Body.Reason})
	if err != nil {
		return endpoint.Answer[ended]{}, err
	}
	return endpoint.At(out.Position, ended{ID: in.ID, Position: out.Position, Repeated: out.Repeated, Receipt: a.Applied.Wait(ctx, out.Position)}), nil
}
