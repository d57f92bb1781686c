// Package policy is what approval does by itself when facts arrive: its own that someone decided, and others'.
package policy

import (
	"errors"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

// Policies are what they decide on and look at.
type Policies struct {
	Views    view.Views
	Requests eventlog.Repository[request.State]
	Grants   eventlog.Repository[grant.State]
	Clock    func() time.Time
}

// All are approval's policies.
func (p Policies) All() []projection.Policy {
	return []projection.Policy{
		projection.On("request_approved", p.onRequestApproved),
		{Name: "person_left", On: p.onPersonLeft, To: departures},
		{Name: "access_ended", On: p.onAccessEnded, To: endings},
	}
}

// settled is nil for the refusal that says that what was to be done is so already.
func settled(err, already error) error {
	if errors.Is(err, already) {
		return nil
	}
	return err
}

func names(facts ...aggregate.Event) (all []protoreflect.FullName) {
	for _, f := range facts {
		all = append(all, f.ProtoReflect().Descriptor().FullName())
	}
	return all
}
