// Package subscription is a team's standing order for lifecycle events, until it ends.
//
// Rules:
//  1. A subscription is made once, for named types of event, for organisations its maker may read, for at most 90 days (X9).
//  2. Only what is active is replayed, and a replay's end does not lie before its beginning.
//  3. A subscription that ended never comes back; ending it again changes nothing.
package subscription

import (
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
)

// MaxLife is how long a subscription lasts at most.
const MaxLife = 90 * 24 * time.Hour

// State is one subscription; its zero value is one that nobody made.
type State struct {
	Created       bool
	Name          string
	Organization  string
	ApplicationID string
	Types         []string
	// Organizations are those whose events are delivered; none means all.
	Organizations []string
	UserKey       string
	Expires       time.Time
	After         uint64
	// Replays counts how often it was replayed.
	Replays int
	Ended   bool
}

// Refusals.
var (
	ErrUnknown = errors.New("no such subscription")
	ErrMade    = errors.New("the subscription was made already")
	ErrName    = errors.New("a subscription has a name of at most 80 characters")
	ErrTypes   = errors.New("name at least one type of event, each once")
	ErrMany    = errors.New("types times organisations are more than 400: make several subscriptions")
	ErrLife    = errors.New("a subscription ends within 90 days")
	ErrKey     = errors.New("a subscription needs the public key of its user")
	ErrEnded   = errors.New("the subscription has ended")
	ErrRange   = errors.New("a replay begins at 1 or later and ends where it begins or later")
	ErrReason  = errors.New("say why, in at most 500 characters")
)

// OrganizationID is the organisation whose team subscribed.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *auditv1.SubscriptionCreated:
		s.Created = true
		s.Name, s.Organization, s.ApplicationID, s.Types, s.Organizations = e.Name, e.OrganizationId, e.GetApplicationId(), e.Types, e.OrganizationIds
		s.UserKey, s.Expires, s.After = e.UserNkey, e.ExpiresAt.AsTime(), e.After
	case *auditv1.SubscriptionReplayed:
		s.Replays++
	case *auditv1.SubscriptionEnded:
		s.Ended = true
	}
	return s
}

// Standing is why nothing is delivered, or nil.
func (s State) Standing() error {
	switch {
	case !s.Created:
		return ErrUnknown
	case s.Ended:
		return ErrEnded
	}
	return nil
}
