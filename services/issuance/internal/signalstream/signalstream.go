// Package signalstream is one stream of security event tokens to a receiver (SSF 1.0 §8).
//
// Rules:
//  1. A stream is opened once, for an organisation, by push or poll, for known types of event, and ends within a year.
//  2. Pushed tokens go to an https address without credentials, query of secrets or fragment; http on a loopback address only where allowed.
//  3. A stream is enabled, paused or disabled; only a reader's wish or the transmitter's reason moves it.
//  4. A subject is left out at most once, and at most a thousand are.
//  5. What ended tells nothing more; ending it again changes nothing.
package signalstream

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

const (
	// MaxLife is how long a stream lasts at most.
	MaxLife = 365 * 24 * time.Hour
	// maxRemoved is how many subjects are left out at most.
	maxRemoved = 1000
)

// Methods of delivery.
const (
	Push = "push"
	Poll = "poll"
)

// Delivery is how tokens reach the receiver.
type Delivery struct{ Method, Endpoint, SecretID string }

// State is one stream; its zero value is one nobody opened.
type State struct {
	Created, Ended                        bool
	Organization, ApplicationID, Audience string
	Delivery                              Delivery
	Events                                []string
	Description, Status                   string
	Removed                               []string
	Verifications                         int
	Expires                               time.Time
}

// Refusals.
var (
	ErrUnknown  = errors.New("no such stream")
	ErrOpened   = errors.New("the stream is open already")
	ErrEnded    = errors.New("the stream has ended")
	ErrMethod   = errors.New("a stream is read by push or by poll")
	ErrEndpoint = errors.New("tokens are pushed to an https address without user, query or fragment")
	ErrAudience = errors.New("a stream names who its tokens are for, in at most 300 characters")
	ErrEvents   = errors.New("the stream names a type of event that is not known, or one twice")
	ErrLife     = errors.New("a stream ends in the future, within a year")
	ErrStatus   = errors.New("a stream is enabled, paused or disabled")
	ErrSubjects = errors.New("a stream leaves out at most a thousand subjects")
	ErrText     = errors.New("a text is too long")
)

// OrganizationID is whose events it tells of.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *issuancev1.SignalStreamCreated:
		s.Created, s.Status = true, "enabled"
		s.Organization, s.ApplicationID, s.Audience = e.OrganizationId, e.GetApplicationId(), e.Audience
		s.Delivery, s.Events, s.Description, s.Expires = Delivery{e.Method, e.Endpoint, e.SecretId}, e.Events, e.Description, e.ExpiresAt.AsTime()
	case *issuancev1.SignalStreamChanged:
		s.Delivery, s.Events, s.Description = Delivery{e.Method, e.Endpoint, e.SecretId}, e.Events, e.Description
	case *issuancev1.SignalStreamStatusChanged:
		s.Status = e.Status
	case *issuancev1.SignalSubjectRemoved:
		s.Removed = append(slices.Clone(s.Removed), e.SubjectId)
	case *issuancev1.SignalSubjectAdded:
		s.Removed = slices.DeleteFunc(slices.Clone(s.Removed), func(id string) bool { return id == e.SubjectId })
	case *issuancev1.SignalVerificationRequested:
		s.Verifications++
	case *issuancev1.SignalStreamEnded:
		s.Ended = true
	}
	return s
}

func (s State) open() error {
	switch {
	case !s.Created:
		return ErrUnknown
	case s.Ended:
		return ErrEnded
	}
	return nil
}

// check follows rules 1 and 2.
func (d Delivery) check(events, known []string, loopback bool) error {
	sorted := slices.Sorted(slices.Values(events))
	if len(slices.Compact(sorted)) < len(events) || slices.ContainsFunc(events, func(e string) bool { return !slices.Contains(known, e) }) {
		return ErrEvents
	}
	switch d.Method {
	case Poll:
		if d.Endpoint != "" || d.SecretID != "" {
			return ErrEndpoint
		}
		return nil
	case Push:
		u, err := url.Parse(d.Endpoint)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || len(d.Endpoint) > 500 {
			return ErrEndpoint
		}
		ip, err := netip.ParseAddr(u.Hostname())
		if u.Scheme != "https" && !(u.Scheme == "http" && loopback && err == nil && ip.IsLoopback()) {
			return ErrEndpoint
		}
		return nil
	}
	return ErrMethod
}

// Open makes the stream.
type Open struct {
	Organization, ApplicationID, Audience, Description string
	Delivery                                           Delivery
	Events, Known                                      []string
	Now, Expires                                       time.Time
	Loopback                                           bool
}

// Decide follows rules 1 and 2.
func (c Open) Decide(s State) ([]aggregate.Event, error) {
	if s.Created {
		return nil, ErrOpened
	}
	if err := c.Delivery.check(c.Events, c.Known, c.Loopback); err != nil {
		return nil, err
	}
	switch {
	case c.Audience == "" || len(c.Audience) > 300:
		return nil, ErrAudience
	case !c.Expires.After(c.Now) || c.Expires.After(c.Now.Add(MaxLife)):
		return nil, ErrLife
	case len([]rune(c.Description)) > 200:
		return nil, ErrText
	}
	var application *string
	if c.ApplicationID != "" {
		application = proto.String(c.ApplicationID)
	}
	return []aggregate.Event{&issuancev1.SignalStreamCreated{
		OrganizationId: c.Organization, ApplicationId: application, Method: c.Delivery.Method, Endpoint: c.Delivery.Endpoint, SecretId: c.Delivery.SecretID,
		Audience: c.Audience, Events: c.Events, ExpiresAt: timestamppb.New(c.Expires), Description: c.Description,
	}}, nil
}
