package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/libs/secret"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

const registrationLife = time.Hour

type permitRequest struct {
	Body struct {
		GrantID          string `json:"grant_id" format:"uuid" doc:"The live grant under which one client may be registered"`
		ExpiresInSeconds int64  `json:"expires_in_seconds,omitempty" minimum:"60" maximum:"86400" doc:"How long it may be used; an hour if absent"`
	}
}

type permitted struct {
	Token     string    `json:"initial_access_token" doc:"Shown this once; registers one client by RFC 7591"`
	Endpoint  string    `json:"registration_endpoint"`
	ExpiresAt time.Time `json:"expires_at"`
}

// permit lets a program register one client under a grant, in the name of the person who permits it.
func (a *api) permit(ctx context.Context, in permitRequest) (endpoint.Answer[permitted], error) {
	var none endpoint.Answer[permitted]
	caller, now := principal.Caller(ctx), a.Now().UTC().Truncate(time.Second)
	if err := a.Fold.WaitFor(ctx, eventlog.MetaFrom(ctx).Shown); err != nil {
		return none, err
	}
	if note := a.Standing.Authorization(in.Body.GrantID); !note.Opened || note.Organization != caller.Organization {
		return none, problem.NotFoundError()
	}
	allow, seen, err := a.allowance(ctx, caller, in.Body.GrantID, 0)
	switch {
	case err != nil:
		return none, err
	case allow.Usable != nil:
		return none, allow.Usable
	case !allow.Active:
		return none, credential.ErrApplicationState
	}
	if err := endpoint.LimitApplication(ctx, allow.ApplicationID); err != nil {
		return none, err
	}
	life := registrationLife
	if in.Body.ExpiresInSeconds > 0 {
		life = time.Duration(in.Body.ExpiresInSeconds) * time.Second
	}
	call := endpoint.CallOf(ctx)
	d := underway.Decision{PersonID: caller.ID, OrganizationID: caller.Organization, SessionID: caller.Session, SessionSeen: caller.SessionSeen, Seen: seen,
		ACR: caller.ACR, AMR: caller.AMR, AuthTime: caller.AuthTime, IP: call.Address, UserAgent: call.UserAgent, RequestID: call.RequestID, At: now}
	token := secret.NewKey(secret.Registration).Reveal()
	if err := a.OAuth.Underway.Permit(ctx, token, in.Body.GrantID, d, caller.Roles, now.Add(life)); err != nil {
		return none, err
	}
	return endpoint.OK(permitted{token, a.OAuth.Issuer + "/oauth2/register", now.Add(life)}), nil
}

// metadata is what RFC 7591 §2 lets a client say of itself; what is not understood is left out of the answer.
type metadata struct {
	RedirectURIs  []string        `json:"redirect_uris,omitempty"`
	GrantTypes    []string        `json:"grant_types,omitempty"`
	ResponseTypes []string        `json:"response_types,omitempty"`
	Method        string          `json:"token_endpoint_auth_method,omitempty"`
	Name          string          `json:"client_name,omitempty"`
	Scope         string          `json:"scope,omitempty"`
	Bound         bool            `json:"dpop_bound_access_tokens,omitempty"`
	Statement     json.RawMessage `json:"software_statement,omitempty"`
}

type registered struct {
	ID            string `json:"client_id"`
	Secret        string `json:"client_secret,omitempty"`
	SecretExpires *int64 `json:"client_secret_expires_at,omitempty"`
	IssuedAt      int64  `json:"client_id_issued_at"`
	metadata
}

// registrationError is RFC 7591 §3.2.2.
type registrationError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *registrationError) Error() string { return e.Code }

func invalidMetadata(why string) error {
	return &registrationError{"invalid_client_metadata", why}
}

var errInitialToken = &registrationError{"invalid_token", "the initial access token is not known, was used or is over"}

// register is RFC 7591 for those who hold an initial access token: an approved application's own (D15, D16).
func (a *api) register(w http.ResponseWriter, r *http.Request) {
	out, err := a.registerOne(r)
	status, body := http.StatusCreated, any(out)
	var refused *registrationError
	switch {
	case errors.As(err, &refused):
		status, body = http.StatusBadRequest, refused
		if refused == errInitialToken {
			status = http.StatusUnauthorized
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		}
	case err != nil:
		a.OAuth.Logger.ErrorContext(r.Context(), "registration", "error", err)
		w.Header().Set("Retry-After", "1")
		status, body = http.StatusServiceUnavailable, &registrationError{"temporarily_unavailable", "try again shortly"}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (a *api) registerOne(r *http.Request) (out registered, err error) {
	ctx := r.Context()
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if key, err := secret.Parse(token); !ok || err != nil || key.Environment != secret.Registration {
		return out, errInitialToken
	}
	permit, err := a.OAuth.Underway.Registration(ctx, token, a.Now())
	if errors.Is(err, underway.ErrUnknown) {
		return out, errInitialToken
	}
	if err != nil {
		return out, err
	}
	var m metadata
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		return out, invalidMetadata("the body is no JSON object of client metadata")
	}
	kind, err := m.complete()
	if err != nil {
		return out, err
	}
	if out, err = a.registerClient(as(ctx, permit), permit, kind, m); err != nil {
		return out, m.refused(err)
	}
	return out, a.OAuth.Underway.Registered(ctx, token)
}

// complete fills in the defaults of RFC 7591 §2 and gives the kind of credential they mean.
func (m *metadata) complete() (kind string, err error) {
	if m.Method == "" {
		m.Method = "client_secret_basic"
	}
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = []string{"authorization_code"}
	}
	if len(m.ResponseTypes) == 0 && slices.Contains(m.GrantTypes, "authorization_code") {
		m.ResponseTypes = []string{"code"}
	}
	if m.Name == "" {
		m.Name = "registered by a program"
	}
	switch {
	case len(m.Statement) > 0:
		return "", &registrationError{"invalid_software_statement", "software statements are not taken"}
	case len(m.Name) > 80, len(m.RedirectURIs) > 20, len(m.GrantTypes) > 5:
		return "", invalidMetadata("a value is too long")
	case slices.ContainsFunc(m.ResponseTypes, func(t string) bool { return t != "code" }):
		return "", invalidMetadata("response_types is code")
	}
	switch m.Method {
	case "client_secret_basic", "client_secret_post":
		return credential.ClientSecret, nil
	case "none":
		m.Bound = true
		return credential.PublicClient, nil
	}
	return "", invalidMetadata("token_endpoint_auth_method is client_secret_basic, client_secret_post or none; a key is registered by its proof")
}

func (m metadata) refused(err error) error {
	switch {
	case errors.Is(err, credential.ErrRedirect):
		return &registrationError{"invalid_redirect_uri", err.Error()}
	case errors.Is(err, credential.ErrAlreadyIssued), errors.Is(err, credential.ErrDead), errors.Is(err, errNotLive), errors.Is(err, errNotOwner):
		return errInitialToken
	}
	if known, ok := refusals[err]; ok && known.Kind != problem.Unavailable {
		return invalidMetadata(err.Error())
	}
	return err
}

func (a *api) registerClient(ctx context.Context, p underway.Registration, kind string, m metadata) (out registered, err error) {
	now := a.Now().UTC().Truncate(time.Second)
	caller := principal.Principal{ID: p.Decision.PersonID, Kind: principal.Person, Organization: p.Decision.OrganizationID, Roles: p.Roles}
	note := a.Standing.Authorization(p.GrantID)
	made, err := a.read(caller, kind, note.Environment, HandedIn{})
	if err != nil {
		return out, err
	}
	build := func(ctx context.Context, tail uint64) (aggregate.Command[credential.State], uint64, error) {
		allow, _, err := a.allowance(ctx, caller, p.GrantID, tail)
		expires := expiry(now, 0, allow)
		// It rests on what its person knew: whatever ended since ends it.
		return credential.Issue{Kind: kind, Name: m.Name, Scopes: strings.Fields(m.Scope), Now: now, Allowance: allow, ExpiresAt: expires, Secret: made.secret,
			Client: credential.Client{RedirectURIs: m.RedirectURIs, GrantTypes: m.GrantTypes, BoundTokens: m.Bound}}, max(p.Decision.Seen, tail), err
	}
	done, err := a.Credentials.HandleWith(ctx, p.CredentialID, build)
	if err != nil {
		return out, err
	}
	handed, err := a.hand(ctx, p.CredentialID, made, done)
	if err != nil {
		return out, err
	}
	out = registered{ID: p.CredentialID, Secret: handed.Body.Secret, IssuedAt: now.Unix(), metadata: m}
	if out.Secret != "" {
		at := handed.Body.ExpiresAt.Unix()
		out.SecretExpires = &at
	}
	if out.Scope == "" {
		out.Scope = strings.Join(note.Scopes, " ")
	}
	return out, nil
}

// as makes the person who permitted it the actor, in the session they permitted it in.
func as(ctx context.Context, p underway.Registration) context.Context {
	d, m := p.Decision, eventlog.MetaFrom(ctx)
	assurance := &eventv1.Assurance{Acr: d.ACR, Amr: d.AMR}
	if !d.AuthTime.IsZero() {
		assurance.AuthenticatedAt = timestamppb.New(d.AuthTime)
	}
	return eventlog.WithMeta(ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: d.PersonID, Kind: "person", Session: d.SessionID}, Assurance: assurance,
		Source: m.Source, CorrelationID: m.CorrelationID, Organization: d.OrganizationID})
}
