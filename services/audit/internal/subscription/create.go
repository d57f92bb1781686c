package subscription

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
)

// maxFilters bounds what one consumer is asked to match.
const maxFilters = 400

// Create makes the subscription. Whether its maker may read what it names is judged before.
type Create struct {
	Name, Organization, ApplicationID string
	// Types are known ones.
	Types         []string
	Organizations []string
	UserKey       string
	Now, Expires  time.Time
	After         uint64
}

// Decide follows rule 1.
func (c Create) Decide(s State) ([]aggregate.Event, error) {
	n := len([]rune(c.Name))
	switch {
	case s.Created:
		return nil, ErrMade
	case n == 0 || n > 80:
		return nil, ErrName
	case len(c.Types) == 0 || repeated(c.Types) || repeated(c.Organizations):
		return nil, ErrTypes
	case len(c.Types)*max(len(c.Organizations), 1) > maxFilters:
		return nil, ErrMany
	case !c.Expires.After(c.Now) || c.Expires.After(c.Now.Add(MaxLife)):
		return nil, ErrLife
	case c.UserKey == "":
		return nil, ErrKey
	}
	var application *string
	if c.ApplicationID != "" {
		application = &c.ApplicationID
	}
	return []aggregate.Event{&auditv1.SubscriptionCreated{
		Name: c.Name, OrganizationId: c.Organization, ApplicationId: application, Types: c.Types, OrganizationIds: c.Organizations,
		UserNkey: c.UserKey, ExpiresAt: timestamppb.New(c.Expires), After: c.After,
	}}, nil
}

func repeated(all []string) bool {
	sorted := slices.Sorted(slices.Values(all))
	return len(slices.Compact(sorted)) < len(all)
}
