package policy

import (
	"context"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
)

var departures = names(&identityv1.PersonDeprovisioned{}, &identityv1.PersonErased{}, &approvalv1.RequestReviewed{})

// onPersonLeft takes back what a person who left had approved and nobody has decided yet (A5, X5). A review that had not
// seen its giver leave is taken back when it arrives.
func (p Policies) onPersonLeft(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	id := r.Envelope.GetSubject().GetId()
	if _, reviewed := fact.(*approvalv1.RequestReviewed); reviewed {
		gone, err := p.Views.Now().Gone(ctx, id)
		if err != nil || len(gone) == 0 {
			return err
		}
		_, err = p.Requests.Handle(ctx, id, request.Void{Gone: gone})
		return err
	}
	ids, err := p.Views.Now().ReviewedBy(ctx, id, r.Sequence)
	if err != nil {
		return err
	}
	for _, reviewed := range ids {
		if _, err := p.Requests.Handle(ctx, reviewed, request.Void{Gone: []string{id}}); err != nil {
			return err
		}
	}
	return nil
}
