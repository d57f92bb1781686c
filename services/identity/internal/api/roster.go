package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
)

// ClientSecrets is the kind under which the vault keeps what we authenticate with at an organisation's provider.
const ClientSecrets = "client_secret"

type configureRequest struct {
	ID   string `path:"id"`
	Body struct {
		Issuer       string            `json:"issuer" minLength:"1" maxLength:"500"`
		ClientID     string            `json:"client_id" minLength:"1" maxLength:"200"`
		ClientSecret *secret.String    `json:"client_secret,omitempty" doc:"Left out, the one kept for this issuer and client stays; empty, the client is public"`
		Domains      []string          `json:"domains" minItems:"1" maxItems:"50"`
		GroupRoles   map[string]string `json:"group_roles,omitempty" doc:"Value of the groups claim to the role it gives"`
	}
}

var errDomainTaken = problem.New(problem.Conflict, "domain_taken", "Another organisation signs its people in by one of these domains.")

func (a *API) configure(ctx context.Context, in configureRequest) (receipt, error) {
	b := in.Body
	tail, err := a.Log.Tail(ctx)
	if err != nil {
		return receipt{}, err
	}
	if err := a.WaitFor(ctx, tail); err != nil {
		return receipt{}, err
	}
	taken, err := a.Rows.DomainsTaken(ctx, in.ID, b.Domains)
	if err != nil {
		return receipt{}, err
	}
	if len(taken) > 0 {
		return receipt{}, errDomainTaken
	}
	s, _, err := a.Organizations.Load(ctx, in.ID)
	if err != nil {
		return receipt{}, err
	}
	next := organization.SingleSignOn{Issuer: b.Issuer, ClientID: b.ClientID, Domains: b.Domains, GroupRoles: b.GroupRoles}
	switch {
	case b.ClientSecret == nil && s.SingleSignOn.Issuer == b.Issuer && s.SingleSignOn.ClientID == b.ClientID:
		next.SecretID = s.SingleSignOn.SecretID
	case b.ClientSecret != nil && !b.ClientSecret.IsZero():
		next.SecretID = uuid.NewString()
		// Kept before the fact that names it; one that no fact names is never used.
		if err := a.Vault.Put(ctx, ClientSecrets, next.SecretID, []byte(b.ClientSecret.Reveal())); err != nil {
			return receipt{}, err
		}
	}
	done, err := a.change(ctx, in.ID, organization.ConfigureSingleSignOn{SingleSignOn: next})
	if old := s.SingleSignOn.SecretID; err == nil && old != "" && old != next.SecretID {
		if err := a.Vault.Erase(ctx, ClientSecrets, old); err != nil {
			a.Logger.ErrorContext(ctx, "a replaced client secret stays in the vault", "secret_id", old, "error", err)
		}
	}
	return done, err
}

type roleRequest struct {
	ID   string `path:"id"`
	Body struct {
		PersonID string `json:"person_id" minLength:"1" maxLength:"64"`
		Role     string `json:"role" minLength:"1" maxLength:"40"`
	}
}

func (a *API) grantRole(ctx context.Context, in roleRequest) (receipt, error) {
	who, _, err := a.People.LoadLeader(ctx, in.Body.PersonID)
	if err != nil {
		return receipt{}, err
	}
	// A person of another organisation is no more to be found here than one who does not exist.
	if !who.Provisioned || who.Organization != in.ID {
		return receipt{}, problem.InvalidField("person_id", "unknown", "is nobody of this organisation")
	}
	if who.Gone {
		return receipt{}, problem.InvalidField("person_id", "deprovisioned", "has left")
	}
	return a.change(ctx, in.ID, organization.GrantRole{PersonID: in.Body.PersonID, Role: in.Body.Role})
}

type revokeRoleRequest struct {
	ID   string `path:"id"`
	Body struct {
		PersonID string `json:"person_id" minLength:"1" maxLength:"64"`
		Role     string `json:"role" minLength:"1" maxLength:"40"`
		Reason   string `json:"reason" minLength:"3" maxLength:"500"`
	}
}

func (a *API) revokeRole(ctx context.Context, in revokeRoleRequest) (receipt, error) {
	return a.change(ctx, in.ID, organization.RevokeRole{PersonID: in.Body.PersonID, Role: in.Body.Role, Reason: in.Body.Reason})
}

// clientSecret is what an organisation's provider knows us by; empty for a public client.
func (a *API) clientSecret(ctx context.Context, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	kept, err := a.Vault.Get(ctx, ClientSecrets, id)
	return string(kept), err
}
