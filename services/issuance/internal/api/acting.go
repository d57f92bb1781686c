package api

import (
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
	"github.com/chancery-dev/chancery/services/issuance/internal/page"
)

var decide = principal.For("consent.decide")

// actingRoutes are those by which clients come to act for people. The pages are reached on the portal's origin, which vouches
// for the person.
func (a *api) actingRoutes(e *endpoint.API) {
	s := a.OAuth
	type op = endpoint.Operation
	machines := endpoint.Limits{Address: endpoint.Rate{Count: 6000, Per: time.Minute}}
	browsers := endpoint.Limits{Address: endpoint.Rate{Count: 240, Per: time.Minute}}
	people := endpoint.Limits{Person: endpoint.Rate{Count: 60, Per: time.Minute}}
	guesses := endpoint.Limits{Person: endpoint.Rate{Count: 10, Per: time.Minute}, Address: endpoint.Rate{Count: 60, Per: time.Minute}}
	door := func(p endpoint.Permission, method, path, summary string, limits endpoint.Limits, accept []string, h http.HandlerFunc, fail endpoint.ErrorWriter) {
		endpoint.Raw(e, p, op{Method: method, Path: path, Summary: summary, MaxBody: 64 << 10, Limits: limits, Accept: accept}, h, fail)
	}
	door(endpoint.Public, "GET", "/oauth2/authorize", "Authorization endpoint, RFC 6749", browsers, nil, s.Authorize, s.RefusedPage)
	door(endpoint.Public, "POST", "/oauth2/authorize", "Authorization endpoint, RFC 6749, by a form", browsers, form, s.Authorize, s.RefusedPage)
	door(endpoint.Public, "POST", "/oauth2/par", "Pushed authorization requests, RFC 9126", machines, form, s.Push, nil)
	door(endpoint.Public, "POST", "/oauth2/device_authorization", "Device authorization, RFC 8628", machines, form, s.Device, nil)
	door(endpoint.Public, "POST", "/oauth2/register", "Client registration, RFC 7591", guesses, []string{"application/json"}, a.register, nil)
	endpoint.Route(e, issue, op{Method: "POST", Path: "/v1/registration-tokens", Summary: "Let a program register one client under a grant", Status: http.StatusCreated,
		Reach: "grants of the own organisation", Limits: endpoint.Limits{Person: endpoint.Rate{Count: 30, Per: time.Minute}}}, a.permit)
	for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/{product}"} {
		door(endpoint.Public, "GET", path, "Protected resources, RFC 9728", endpoint.Limits{}, nil, s.ProtectedResource, nil)
	}
	door(decide, "GET", oauth.ConsentPath, "Ask a person whether a client may act for them", people, nil, s.Consent, s.RefusedPage)
	door(decide, "POST", oauth.ConsentPath, "Take the person's answer", people, form, s.Decide, s.RefusedPage)
	door(decide, "GET", oauth.DevicePath, "Ask for the code a device shows", people, nil, s.DevicePage, s.RefusedPage)
	door(decide, "POST", oauth.DevicePath, "Find the device that waits with a code", guesses, form, s.DeviceTyped, s.RefusedPage)
	door(endpoint.Public, "GET", "/oauth2/assets/{version}/{name}", "Style of the pages", endpoint.Limits{}, nil, page.Asset, nil)
}
