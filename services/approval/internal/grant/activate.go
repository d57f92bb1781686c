package grant

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Activate gives the access that a request was approved for.
type Activate struct {
	RequestID string
	// Approved is the fact answered, nil if there is none.
	Approved   *approvalv1.RequestApproved
	ApprovedAt time.Time
}

// Decide follows rules 1 and 2; activating again changes nothing.
func (c Activate) Decide(s State) ([]aggregate.Event, error) {
	content := c.Approved.GetContent()
	switch {
	case s.Activated && s.RequestID == c.RequestID:
		return nil, nil
	case s.Activated:
		return nil, ErrAlreadyActivated
	case c.RequestID == "" || content.GetApplicationId() == "" || len(content.GetScopes()) == 0 || content.GetDurationSeconds() == 0:
		return nil, ErrNotApproved
	}
	until := c.ApprovedAt.Add(time.Duration(content.DurationSeconds) * time.Second)
	return []aggregate.Event{&approvalv1.GrantActivated{
		RequestId: c.RequestID, ApplicationId: content.ApplicationId, OrganizationId: content.OrganizationId,
		ProductId: content.ProductId, Scopes: content.Scopes, Environment: content.Environment, Class: content.Class,
		Until: timestamppb.New(until), ContentDigest: c.Approved.ContentDigest, ReviewerIds: c.Approved.ReviewerIds,
	}}, nil
}
