package policy

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// cutovers is the namespace of the command ids that CutOver gives.
var cutovers = uuid.MustParse("8d7b5f0e-3f0a-4c64-9a0e-5f1f7d0b6a21")

// CutOver retires each old secret that is proven unused while its successor works (L10). It judges only by uses that are
// complete: where observations cannot be read to their end, nothing retires early and the overlap runs out instead.
func (d Deps) CutOver(ctx context.Context) error {
	const page = 500
	now := d.Now()
	if err := d.Observed(ctx); err != nil {
		return err
	}
	for after := ""; ; {
		rows, err := d.Rows.Rotations(ctx, after, page)
		if err != nil {
			return err
		}
		for _, r := range rows {
			after = r.CredentialID
			if !r.Ready(now) || !now.Before(r.OverlapEndsAt) {
				continue
			}
			if err := d.retireUnused(ctx, r); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
	}
}

func (d Deps) retireUnused(ctx context.Context, r view.Rotation) error {
	ctx = eventlog.WithMeta(ctx, eventlog.Meta{
		Actor:     &eventv1.Actor{Id: "issuance.cut_over", Kind: "service"},
		CommandID: uuid.NewSHA1(cutovers, []byte(r.CredentialID+"/"+r.StartedAt.String())).String(),
	})
	_, err := d.Credentials.Handle(ctx, r.CredentialID, credential.Retire{Generation: r.Old, Reason: "unused", SuccessorUsedAt: r.NewUsedAt})
	if errors.Is(err, credential.ErrDead) || errors.Is(err, credential.ErrLastGeneration) {
		return nil // ended meanwhile, which is the better for it
	}
	return err
}
