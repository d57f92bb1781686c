package policy

import (
	"context"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
)

var endings = names(&registryv1.ApplicationDisabled{}, &registryv1.ApplicationOffboarded{}, &identityv1.OrganizationClosed{},
	&approvalv1.RequestSubmitted{}, &approvalv1.GrantActivated{})

// onAccessEnded records what an application's or organisation's end has ended: its grants and its pending requests, and
// no others (D9). What was decided without having seen the end is answered when it arrives.
func (p Policies) onAccessEnded(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	id := r.Envelope.GetSubject().GetId()
	switch f := fact.(type) {
	case *registryv1.ApplicationDisabled:
		return p.end(ctx, id, "", r.Sequence, "the application was disabled")
	case *registryv1.ApplicationOffboarded:
		return p.end(ctx, id, "", r.Sequence, "the application was offboarded")
	case *identityv1.OrganizationClosed:
		return p.end(ctx, "", id, r.Sequence, "the organisation was closed")
	case *approvalv1.RequestSubmitted:
		if reason, err := p.ended(ctx, r, f.Content.GetApplicationId(), f.Content.GetOrganizationId()); err != nil || reason == "" {
			return err
		} else {
			return p.withdraw(ctx, id, reason)
		}
	case *approvalv1.GrantActivated:
		if reason, err := p.ended(ctx, r, f.ApplicationId, f.OrganizationId); err != nil || reason == "" {
			return err
		} else {
			return p.revoke(ctx, id, reason)
		}
	}
	return nil
}

// ended says what ended between what a decision had seen and where it stands; empty if nothing did.
func (p Policies) ended(ctx context.Context, r eventlog.Recorded, applicationID, organizationID string) (string, error) {
	unseen := func(position uint64) bool { return position > r.Envelope.GetSeen() && position < r.Sequence }
	a, err := p.Views.Now().Application(ctx, applicationID)
	if err == nil && unseen(a.EndedAt) {
		return "the application ended", nil
	}
	if err != nil {
		return "", err
	}
	o, err := p.Views.Now().Organization(ctx, organizationID)
	if err == nil && unseen(o.EndedAt) {
		return "the organisation was closed", nil
	}
	return "", err
}

func (p Policies) end(ctx context.Context, application, organization string, position uint64, reason string) error {
	grants, err := p.Views.Now().ActiveOf(ctx, application, organization, position)
	if err != nil {
		return err
	}
	for _, id := range grants {
		if err := p.revoke(ctx, id, reason); err != nil {
			return err
		}
	}
	pending, err := p.Views.Now().PendingOf(ctx, application, organization, position)
	if err != nil {
		return err
	}
	for _, id := range pending {
		if err := p.withdraw(ctx, id, reason); err != nil {
			return err
		}
	}
	return nil
}

func (p Policies) revoke(ctx context.Context, id, reason string) error {
	_, err := p.Grants.Handle(ctx, id, grant.Revoke{Reason: reason})
	return settled(err, grant.ErrEnded)
}

func (p Policies) withdraw(ctx context.Context, id, reason string) error {
	_, err := p.Requests.Handle(ctx, id, request.Withdraw{Reason: reason})
	return settled(err, request.ErrNotPending)
}
