package policy

import (
	"context"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/services/registry/internal/application"
	"github.com/chancery-dev/chancery/services/registry/internal/version"
)

// OnDue retires the version whose announced end has come (B24), and suspends the application that still lacks an owner
// (B3).
func (p Policies) OnDue(ctx context.Context, d deadline.Due) (err error) {
	switch d.Kind {
	case "sunset":
		_, err = p.Versions.Handle(ctx, d.ID, version.Retire{Reason: "sunset", Now: p.Clock()})
		err = settled(err, version.ErrRetired)
	case "transfer":
		_, err = p.Applications.Handle(ctx, d.ID, application.Lapse{Now: p.Clock()})
	}
	return err
}
