package projection

import (
	"context"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
)

// Erases is the policy that destroys a vault's keys of the person whom a fact of type T erases (L6).
func Erases[T aggregate.Event](v *eventlog.Vault) Policy {
	return On("keys_of_the_erased_are_destroyed", func(ctx context.Context, r eventlog.Recorded, _ int, _ T) error {
		_, err := v.ErasePeople(ctx, r.Envelope.GetSubject().GetId())
		return err
	})
}
