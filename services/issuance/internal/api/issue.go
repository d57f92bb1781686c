package api

import (
	"context"
	"encoding/pem"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/libs/secret"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

type issueRequest struct {
	Body struct {
		GrantID          string   `json:"grant_id" format:"uuid" doc:"The grant that allows it"`
		Kind             string   `json:"kind" enum:"api_key,client_secret,client_key,client_certificate,public_client"`
		Name             string   `json:"name" minLength:"1" maxLength:"80" doc:"What it is for"`
		Scopes           []string `json:"scopes,omitempty" maxItems:"100" doc:"Fewer than the grant's; all of them if absent"`
		ExpiresInSeconds int64    `json:"expires_in_seconds,omitempty" minimum:"60" doc:"At most what grant and class allow, which is also the default up to 30 days"`
		RedirectURIs     []string `json:"redirect_uris,omitempty" maxItems:"20" doc:"Where authorization codes may go, compared exactly"`
		GrantTypes       []string `json:"grant_types,omitempty" maxItems:"5" doc:"RFC 7591 names; client_credentials alone if absent"`
		BoundTokens      bool     `json:"bound_tokens,omitempty" doc:"Hand out tokens bound to a key alone (RFC 8705, RFC 9449)"`
		HandedIn
	}
}

// issued is the only answer that ever holds a secret.
type issued struct {
	ID          string `json:"id"`
	Generation  uint32 `json:"generation"`
	Hint        string `json:"hint"`
	Secret      string `json:"secret,omitempty" doc:"The whole secret, shown this once; absent in the answer to a repeated command, and where the consumer has a key of its own"`
	DeliveredTo string `json:"delivered_to,omitempty" doc:"Store the secret goes to instead; the credential says when it is there"`
	Shown       bool   `json:"shown" doc:"Whether the answer holds the secret"`
	// Certificate and Authorities are public, so a repeated command answers them too.
	Certificate string    `json:"certificate,omitempty" doc:"The client certificate, PEM"`
	Authorities string    `json:"authorities,omitempty" doc:"The certificates of the authorities, PEM"`
	ExpiresAt   time.Time `json:"expires_at"`
	Position    uint64    `json:"position"`
}

const defaultLifetime = 30 * 24 * time.Hour

func (a *api) issue(ctx context.Context, in issueRequest) (endpoint.Answer[issued], error) {
	var none endpoint.Answer[issued]
	caller, now := principal.Caller(ctx), a.Now().UTC().Truncate(time.Second)
	if err := a.Fold.WaitFor(ctx, eventlog.MetaFrom(ctx).Shown); err != nil {
		return none, err
	}
	note := a.Standing.Authorization(in.Body.GrantID)
	if !note.Opened || note.Organization != caller.Organization {
		return none, problem.NotFoundError()
	}
	if err := endpoint.LimitApplication(ctx, note.ApplicationID); err != nil {
		return none, err
	}
	id := endpoint.NewID(ctx, "credential")
	m, err := a.read(caller, in.Body.Kind, note.Environment, in.Body.HandedIn)
	if err != nil {
		return none, err
	}
	build := func(ctx context.Context, tail uint64) (aggregate.Command[credential.State], uint64, error) {
		allow, at, err := a.allowance(ctx, caller, in.Body.GrantID, tail)
		if err != nil {
			return nil, 0, err
		}
		expires := expiry(now, in.Body.ExpiresInSeconds, allow)
		brought, err := a.certified(ctx, m, id, expires)
		return credential.Issue{
			Kind: in.Body.Kind, Name: in.Body.Name, Scopes: in.Body.Scopes, Now: now, Allowance: allow,
			ExpiresAt: expires, Secret: brought,
			Client: credential.Client{RedirectURIs: in.Body.RedirectURIs, GrantTypes: in.Body.GrantTypes, BoundTokens: in.Body.BoundTokens},
		}, at, err
	}
	if err := a.take(ctx, id, m, note.Organization, build); err != nil {
		return none, err
	}
	out, err := a.Credentials.HandleNew(ctx, id, build)
	if err != nil {
		return none, err
	}
	return a.hand(ctx, id, m, out)
}

// allowance reads what issuing under a grant rests on, as of one position.
func (a *api) allowance(ctx context.Context, caller principal.Principal, grantID string, tail uint64) (credential.Allowance, uint64, error) {
	if err := a.Fold.WaitFor(ctx, max(tail, eventlog.MetaFrom(ctx).Shown)); err != nil {
		return credential.Allowance{}, 0, err
	}
	at := a.Fold.Position() // before anything is read, which may rest on more but on no less
	note := a.Standing.Authorization(grantID)
	allow := credential.Allowance{
		GrantID: note.GrantID, RequestID: note.RequestID, ApplicationID: note.ApplicationID, OrganizationID: note.Organization,
		ProductID: note.ProductID, Environment: note.Environment, Class: credential.Stricter(note.Class, a.Standing.Class(note.ProductID)), Scopes: note.Scopes, Until: note.Until,
		Usable: note.Usable(a.Now()),
	}
	app, found := a.Standing.Application(note.ApplicationID)
	machine := caller.Kind == principal.Client // acts on itself alone, which whoever lets it in has seen to
	if found && !machine && !caller.Has(principal.OrgAdmin) && caller.ID != app.OwnerID && caller.ID != app.BackupOwnerID {
		return allow, 0, errNotOwner
	}
	allow.Owners, allow.Active = app.Owners(), found && app.State == "active"
	return allow, at, nil
}

func expiry(now time.Time, seconds int64, allow credential.Allowance) time.Time {
	if seconds > 0 {
		return now.Add(time.Duration(min(seconds, int64(100*365*24*time.Hour/time.Second))) * time.Second)
	}
	latest := now.Add(min(defaultLifetime, credential.MaxLifetime(allow.Class)))
	if allow.Until.Before(latest) {
		latest = allow.Until
	}
	return latest
}

func environment(name string) secret.Environment {
	if name == "production" {
		return secret.Live
	}
	return secret.Test
}

// hand gives the secret out only after its own fact is folded and found live: an end that came between wins.
func (a *api) hand(ctx context.Context, id string, m material, out eventlog.Outcome) (endpoint.Answer[issued], error) {
	answer := issued{ID: id, Position: out.Position}
	for _, fact := range out.Facts {
		switch e := fact.(type) {
		case *issuancev1.CredentialIssued:
			answer.Generation, answer.Hint, answer.ExpiresAt = e.Generation, e.Hint, e.ExpiresAt.AsTime()
			answer.DeliveredTo = e.DeliveredTo
			a.show(&answer, e.Key)
		case *issuancev1.CredentialRotationStarted:
			answer.Generation, answer.Hint, answer.ExpiresAt = e.Generation, e.Hint, e.ExpiresAt.AsTime()
			answer.DeliveredTo = e.DeliveredTo
			a.show(&answer, e.Key)
		}
	}
	if out.Repeated {
		return endpoint.At(out.Position, answer), nil
	}
	if err := a.Fold.WaitFor(ctx, out.Position); err != nil {
		return endpoint.Answer[issued]{}, err
	}
	if err := a.Fold.Live(lineage.Part("generation", id, answer.Generation), a.Now()); err != nil {
		return endpoint.Answer[issued]{}, errNotLive
	}
	if !m.key.Secret().IsZero() && m.secret.DeliveredTo == "" { // delivered or shown, never both (D11)
		answer.Secret, answer.Shown = m.key.Reveal(), true
	}
	return endpoint.At(out.Position, answer), nil
}

// show adds the certificate, if there is one.
func (a *api) show(answer *issued, key *issuancev1.KeyMaterial) {
	if der := key.GetCertificate(); len(der) > 0 {
		answer.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		answer.Authorities = string(a.Authorities.Bundle())
	}
}
