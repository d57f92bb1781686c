// Package authorization is issuance's own note of a grant: whether credentials may be issued under it, and for what.
//
// Rules:
//  1. An authorization is opened once; opening the same grant again says nothing new.
//  2. Scopes shrink with the grant, never to none, and come back only as the grant was restored: none that it was not opened
//     with.
//  3. A closed authorization stays closed.
package authorization

import (
	"errors"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// State is what is known of one grant; its zero value is a grant issuance has not heard of.
type State struct {
	Opened                                        bool
	Closed                                        bool
	GrantID, RequestID, ApplicationID, ProductID  string
	Organization, Environment, Class, CloseReason string
	Scopes, Granted                               []string // now, and when it was opened
	Until                                         time.Time
}

// Refusals.
var (
	ErrNotOpen     = errors.New("no grant allows a credential here")
	ErrClosed      = errors.New("the grant has ended; request access again")
	ErrNotNarrower = errors.New("scopes of a grant can only shrink, and not to none")
)

// OrganizationID is the organisation whose application holds the grant.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *issuancev1.AuthorizationOpened:
		s.Opened = true
		s.GrantID, s.RequestID, s.ApplicationID, s.ProductID = e.GrantId, e.RequestId, e.ApplicationId, e.ProductId
		s.Organization, s.Environment, s.Class = e.OrganizationId, e.Environment, e.Class
		s.Scopes, s.Granted, s.Until = e.Scopes, e.Scopes, e.Until.AsTime()
	case *issuancev1.AuthorizationNarrowed:
		s.Scopes = e.Scopes
	case *issuancev1.AuthorizationWidened:
		s.Scopes = e.Scopes
	case *issuancev1.AuthorizationClosed:
		s.Closed, s.CloseReason = true, e.Reason
	}
	return s
}

// Usable says why no credential may be issued under the grant at now, or nil.
func (s State) Usable(now time.Time) error {
	switch {
	case !s.Opened:
		return ErrNotOpen
	case s.Closed, !now.Before(s.Until):
		return ErrClosed
	}
	return nil
}

func subset(of, scopes []string) bool {
	for _, s := range scopes {
		if !slices.Contains(of, s) {
			return false
		}
	}
	return len(scopes) > 0
}
