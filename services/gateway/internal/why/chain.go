package why

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Step is one decision of people or services that the verdict rested on.
type Step struct {
	Kind     string    `json:"kind"`
	ID       string    `json:"id"`
	Fact     string    `json:"fact"`
	Position uint64    `json:"position" doc:"In EVENTS"`
	At       time.Time `json:"at"`
	ActorID  string    `json:"actor_id,omitempty"`
	Actor    string    `json:"actor_kind,omitempty"`
}

// Chain is what gave the credential its access, as it stood at the decision's position.
type Chain struct {
	CredentialKind string    `json:"credential_kind,omitempty"`
	GrantID        string    `json:"grant_id,omitempty"`
	Scopes         []string  `json:"granted_scopes,omitempty"`
	Until          time.Time `json:"granted_until,omitzero"`
	RequestID      string    `json:"request_id,omitempty"`
	RequesterID    string    `json:"requester_id,omitempty"`
	ReviewerIDs    []string  `json:"reviewer_ids,omitempty" doc:"Who approved; none when the policy decided alone"`
	Policy         string    `json:"policy,omitempty" doc:"Which policy said who had to"`
	ContentDigest  string    `json:"content_digest,omitempty" doc:"Of what they approved"`
	ApplicationID  string    `json:"application_id,omitempty"`
	OrganizationID string    `json:"organization_id,omitempty"`
	ProductID      string    `json:"product_id,omitempty"`
	OwnerID        string    `json:"owner_id,omitempty" doc:"Who answered for the application then"`
	BackupOwnerID  string    `json:"backup_owner_id,omitempty"`
	Steps          []Step    `json:"steps"`
}

// Read is every decision of one aggregate, by its subject.
type Read func(ctx context.Context, subject string) ([]eventlog.Recorded, error)

// reader collects a chain.
type reader struct {
	read     Read
	position uint64
	chain    *Chain
}

// chain is how the credential came to what it had at a position.
func chain(ctx context.Context, read Read, credential string, position uint64) (Chain, error) {
	c := Chain{Steps: []Step{}}
	r := reader{read, position, &c}
	err := r.each(ctx, "issuance", "credential", credential, func(fact proto.Message) {
		if f, ok := fact.(*issuancev1.CredentialIssued); ok {
			c.CredentialKind, c.GrantID, c.RequestID, c.ApplicationID = f.GetKind(), f.GetGrantId(), f.GetRequestId(), f.GetApplicationId()
			c.OrganizationID, c.ProductID = f.GetOrganizationId(), f.GetProductId()
		}
	})
	if err != nil || c.ApplicationID == "" {
		return c, err
	}
	err = r.each(ctx, "approval", "grant", c.GrantID, func(fact proto.Message) {
		switch f := fact.(type) {
		case *approvalv1.GrantActivated:
			c.Scopes, c.Until, c.ReviewerIDs, c.ContentDigest = f.GetScopes(), f.GetUntil().AsTime(), f.GetReviewerIds(), f.GetContentDigest()
		case *approvalv1.GrantNarrowed:
			c.Scopes = f.GetScopes()
		case *approvalv1.GrantRestored:
			c.Scopes = f.GetScopes()
		}
	})
	if err != nil {
		return c, err
	}
	err = r.each(ctx, "approval", "request", c.RequestID, func(fact proto.Message) {
		if f, ok := fact.(*approvalv1.RequestSubmitted); ok {
			c.Policy = f.GetPolicy()
			c.RequesterID = f.GetRequesterId()
		}
	})
	if err != nil {
		return c, err
	}
	if err = r.each(ctx, "registry", "application", c.ApplicationID, c.owners); err != nil {
		return c, err
	}
	return c, r.each(ctx, "identity", "organization", c.OrganizationID, func(proto.Message) {})
}

func (c *Chain) owners(fact proto.Message) {
	switch f := fact.(type) {
	case *registryv1.ApplicationRegistered:
		c.OwnerID, c.BackupOwnerID = f.GetOwnerId(), f.GetBackupOwnerId()
	case *registryv1.ApplicationOwnerAssigned:
		c.seat(f.GetSeat(), f.GetPersonId())
	case *registryv1.ApplicationOrphaned:
		c.seat(f.GetSeat(), "")
	}
}

func (c *Chain) seat(seat, person string) {
	switch seat {
	case "owner":
		c.OwnerID = person
	case "backup_owner":
		c.BackupOwnerID = person
	}
}

// each gives the facts of one aggregate that were there at the position. Of an organisation only its own life is told, not
// who has which role in it.
func (r reader) each(ctx context.Context, service, kind, id string, take func(proto.Message)) error {
	records, err := r.read(ctx, "events."+service+"."+kind+"."+id)
	if err != nil {
		return err
	}
	for _, m := range records {
		if m.Sequence > r.position {
			break
		}
		for _, fact := range m.Facts {
			if fact == nil {
				continue
			}
			take(fact)
			name := fact.ProtoReflect().Descriptor()
			if kind == "organization" && !lifeOfOrganization[string(name.Name())] {
				continue
			}
			r.chain.Steps = append(r.chain.Steps, Step{kind, id, string(name.FullName()), m.Sequence, m.Time.UTC(), m.Envelope.GetActor().GetId(), m.Envelope.GetActor().GetKind()})
		}
	}
	return nil
}

var lifeOfOrganization = map[string]bool{"OrganizationRegistered": true, "OrganizationVerified": true, "OrganizationSuspended": true,
	"OrganizationResumed": true, "OrganizationClosed": true}
