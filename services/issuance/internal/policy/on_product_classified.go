package policy

import (
	"context"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

// shorten holds live secrets to the class their product has now: from the classification on none lives longer than a new
// one might (D21). Secrets made since were held to it when they were made.
func (d Deps) shorten(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	classified, ok := fact.(*registryv1.ProductClassified)
	if !ok {
		return nil
	}
	latest := r.Time.Add(credential.MaxLifetime(classified.Class)).Truncate(time.Second)
	ids, err := d.Rows.Longer(ctx, r.Envelope.GetSubject().GetId(), r.Time, latest)
	if err != nil {
		return err
	}
	for _, id := range ids {
		_, err := d.Credentials.Handle(ctx, id, credential.Narrow{ExpiresAt: latest, MadeBefore: r.Time, Reason: "policy_changed"})
		if err != nil && !errors.Is(err, credential.ErrDead) {
			return err
		}
	}
	return nil
}
