package policy

import (
	"context"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
)

// OnDue expires the grant, the undecided request or the unanswered proposal whose time has come (C5, C6, L14).
func (p Policies) OnDue(ctx context.Context, d deadline.Due) (err error) {
	switch d.Kind {
	case "grant":
		_, err = p.Grants.Handle(ctx, d.ID, grant.Expire{Now: p.Clock()})
	case "shrink_proposal":
		_, err = p.Grants.Handle(ctx, d.ID, grant.DismissShrink{Reason: grant.Lapsed})
		// The time stands although the proposal was answered, taken back or has ended with its grant.
		err = settled(settled(err, grant.ErrNotProposed), grant.ErrEnded)
	case "review":
		_, err = p.Requests.Handle(ctx, d.ID, request.Expire{Now: p.Clock()})
	}
	return err
}
