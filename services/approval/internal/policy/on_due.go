package policy

import (
	"context"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
)

// OnDue expires the grant or the undecided request whose time has come (C5, C6).
func (p Policies) OnDue(ctx context.Context, d deadline.Due) (err error) {
	switch d.Kind {
	case "grant":
		_, err = p.Grants.Handle(ctx, d.ID, grant.Expire{Now: p.Clock()})
	case "review":
		_, err = p.Requests.Handle(ctx, d.ID, request.Expire{Now: p.Clock()})
	}
	return err
}
