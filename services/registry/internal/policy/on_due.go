package policy

import (
	"context"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/services/registry/internal/version"
)

// OnDue retires the version whose announced end has come (B24).
func (p Policies) OnDue(ctx context.Context, d deadline.Due) error {
	if d.Kind != "sunset" {
		return nil
	}
	_, err := p.Versions.Handle(ctx, d.ID, version.Retire{Reason: "sunset", Now: p.Clock()})
	return settled(err, version.ErrRetired)
}
