package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

type generationAnswer struct {
	Number        uint32     `json:"number"`
	Hint          string     `json:"hint"`
	State         string     `json:"state" enum:"active,overlap,retired,leaked,undelivered,ended"`
	Reason        string     `json:"reason,omitempty"`
	CreatedAt     time.Time  `json:"created_at"`
	ExpiresAt     time.Time  `json:"expires_at"`
	OverlapEndsAt *time.Time `json:"overlap_ends_at,omitempty"`
	EndedAt       *time.Time `json:"ended_at,omitempty"`
	LastUsedAt    *time.Time `json:"last_used_at,omitempty"`

	PublicKeySHA256   string     `json:"public_key_sha256,omitempty" doc:"SHA-256 of the SubjectPublicKeyInfo, hexadecimal"`
	CertificateSHA256 string     `json:"certificate_sha256,omitempty" doc:"SHA-256 of the certificate, hexadecimal"`
	CertificateSerial string     `json:"certificate_serial,omitempty" doc:"Serial number of the certificate, hexadecimal"`
	DeliveredTo       string     `json:"delivered_to,omitempty" doc:"Store the secret went to unseen"`
	DeliveredAt       *time.Time `json:"delivered_at,omitempty"`
}

type credentialAnswer struct {
	ID             string             `json:"id"`
	Kind           string             `json:"kind"`
	Name           string             `json:"name"`
	GrantID        string             `json:"grant_id"`
	RequestID      string             `json:"request_id"`
	ApplicationID  string             `json:"application_id"`
	OrganizationID string             `json:"organization_id"`
	ProductID      string             `json:"product_id"`
	Scopes         []string           `json:"scopes"`
	Environment    string             `json:"environment"`
	Class          string             `json:"class"`
	State          string             `json:"state" enum:"active,rotating,suspended,leaked,revoked,expired"`
	Reason         string             `json:"reason,omitempty"`
	EndedBy        string             `json:"ended_by,omitempty"`
	IssuedAt       time.Time          `json:"issued_at"`
	IssuedBy       string             `json:"issued_by"`
	ExpiresAt      time.Time          `json:"expires_at"`
	EndedAt        *time.Time         `json:"ended_at,omitempty"`
	LastUsedAt     *time.Time         `json:"last_used_at,omitempty" doc:"When a call or a token request was last let through, to within a minute"`
	RedirectURIs   []string           `json:"redirect_uris,omitempty"`
	GrantTypes     []string           `json:"grant_types,omitempty" doc:"Absent means client_credentials alone"`
	BoundTokens    bool               `json:"bound_tokens,omitempty" doc:"Only tokens bound to a key are handed out"`
	ImportedFrom   string             `json:"imported_from,omitempty" doc:"System the secret was taken over from; such a credential is never renewed"`
	Generations    []generationAnswer `json:"generations"`
	Allowed        endpoint.Allowed   `json:"allowed"`
}

type byID struct {
	ID string `path:"id"`
}

func (a *api) get(ctx context.Context, in byID) (endpoint.Answer[credentialAnswer], error) {
	c, generations, found, err := a.Rows.Credential(ctx, in.ID)
	if err != nil {
		return endpoint.Answer[credentialAnswer]{}, err
	}
	if !found {
		return endpoint.Answer[credentialAnswer]{}, problem.NotFoundError()
	}
	return endpoint.OK(a.render(principal.Caller(ctx), c, generations)), nil
}

type listRequest struct {
	endpoint.Paging
	ApplicationID string `query:"application_id" maxLength:"64"`
	GrantID       string `query:"grant_id" maxLength:"64"`
	State         string `query:"state" enum:"active,rotating,leaked,revoked,expired"`
}

func (a *api) list(ctx context.Context, in listRequest) (endpoint.Answer[endpoint.Page[credentialAnswer]], error) {
	var none endpoint.Answer[endpoint.Page[credentialAnswer]]
	caller, after := principal.Caller(ctx), ""
	if err := in.Cursor(&after); err != nil {
		return none, err
	}
	f := view.Filter{OrganizationID: caller.Organization, ApplicationID: in.ApplicationID, GrantID: in.GrantID, State: in.State}
	if everywhere(caller) {
		f.OrganizationID = ""
	}
	rows, err := a.Rows.Credentials(ctx, f, after, in.Fetch())
	if err != nil {
		return none, err
	}
	ids := make([]string, len(rows))
	for i, c := range rows {
		ids[i] = c.ID
	}
	generations, err := a.Rows.Generations(ctx, ids)
	if err != nil {
		return none, err
	}
	of := map[string][]view.Generation{}
	for _, g := range generations {
		of[g.CredentialID] = append(of[g.CredentialID], g)
	}
	answers := make([]credentialAnswer, len(rows))
	for i, c := range rows {
		answers[i] = a.render(caller, c, of[c.ID])
	}
	return endpoint.List(in.Paging, answers, func(c credentialAnswer) any { return c.ID }), nil
}

// render tells the state as an authorizer would judge it now, which may be ahead of the credential's own facts.
func (a *api) render(caller principal.Principal, c view.Credential, generations []view.Generation) credentialAnswer {
	out := credentialAnswer{
		ID: c.ID, Kind: c.Kind, Name: c.Name, GrantID: c.GrantID, RequestID: c.RequestID, ApplicationID: c.ApplicationID,
		OrganizationID: c.OrganizationID, ProductID: c.ProductID, Scopes: c.Scopes, Environment: c.Environment, Class: c.Class,
		State: c.State, Reason: c.Reason, EndedBy: c.EndedBy, IssuedAt: c.IssuedAt.UTC(), IssuedBy: c.IssuedBy,
		ExpiresAt: c.ExpiresAt.UTC(), EndedAt: c.EndedAt, Generations: []generationAnswer{},
		RedirectURIs: c.RedirectURIs, GrantTypes: c.GrantTypes, BoundTokens: c.BoundTokens, ImportedFrom: c.ImportedFrom,
	}
	if c.EndedAt == nil {
		if dead, ok := lineage.Why(a.Fold.Live(lineage.Ref{Kind: "credential", ID: c.ID}, a.Now())); ok {
			switch dead.Cause {
			case lineage.Paused:
				out.State, out.Reason = "suspended", dead.By.Kind+"_suspended"
			case lineage.Expired:
				out.State, out.Reason = "expired", dead.By.Kind+"_expired"
			default:
				out.State, out.Reason = "revoked", dead.By.Kind+"_ended"
			}
		} else if !a.Now().Before(c.ExpiresAt) {
			out.State = "expired"
		}
	}
	live := 0
	for _, g := range generations {
		if g.EndedAt == nil && (out.State == "revoked" || out.State == "expired") {
			g.State = "ended"
		}
		if g.State == "active" || g.State == "overlap" {
			live++
		}
		out.Generations = append(out.Generations, generationAnswer{
			g.Number, g.Hint, g.State, g.Reason, g.CreatedAt.UTC(), g.ExpiresAt.UTC(), g.OverlapEndsAt, g.EndedAt, g.LastUsedAt,
			g.PublicKeySHA256, g.CertificateSHA256, g.CertificateSerial, g.DeliveredTo, g.DeliveredAt,
		})
		if g.LastUsedAt != nil && (out.LastUsedAt == nil || g.LastUsedAt.After(*out.LastUsedAt)) {
			out.LastUsedAt = g.LastUsedAt
		}
	}
	out.Allowed = allowed(caller, c, out.State, live)
	return out
}

func allowed(caller principal.Principal, c view.Credential, state string, live int) endpoint.Allowed {
	var owner, ended error
	if c.OrganizationID != caller.Organization || !caller.Has(principal.AppOwner) && !caller.Has(principal.OrgAdmin) {
		owner = errNotOwner
	}
	if state == "revoked" || state == "expired" {
		ended = credential.ErrDead
	}
	first := func(errs ...error) error {
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
	rotating, single := error(nil), error(nil)
	if live > 1 {
		rotating = credential.ErrRotating
	}
	if live < 2 {
		single = credential.ErrLastGeneration
	}
	revoker := owner
	if caller.Has(principal.PlatformAdmin) {
		revoker = nil
	}
	return endpoint.Allowed{
		"rotate": endpoint.Judge(refusals, first(owner, ended, rotating)),
		"retire": endpoint.Judge(refusals, first(owner, ended, single)),
		"revoke": endpoint.Judge(refusals, first(revoker, ended)),
	}
}
