package policy

import (
	"context"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
)

// grantID is the one grant a request can become, however often its approval is answered.
func grantID(requestID string) (string, error) {
	space, err := uuid.Parse(requestID)
	return uuid.NewSHA1(space, []byte("grant")).String(), err
}

// onRequestApproved activates the grant, unless what was approved has ended meanwhile.
func (p Policies) onRequestApproved(ctx context.Context, r eventlog.Recorded, _ int, fact *approvalv1.RequestApproved) error {
	requestID := r.Envelope.GetSubject().GetId()
	rows := p.Views.Now()
	request, _, err := rows.Request(ctx, requestID)
	if err != nil {
		return err
	}
	application, err := rows.Application(ctx, request.ApplicationID)
	if err != nil {
		return err
	}
	organization, err := rows.Organization(ctx, request.OrganizationID)
	if err != nil || application.EndedAt > request.Seen || organization.EndedAt > request.Seen {
		return err
	}
	id, err := grantID(requestID)
	if err != nil {
		return nil // no request of ours has such an id
	}
	_, err = p.Grants.Handle(ctx, id, grant.Activate{RequestID: requestID, Approved: fact, ApprovedAt: r.Time})
	return err
}
