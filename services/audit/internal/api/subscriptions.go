package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/audit/internal/carrier"
	"github.com/chancery-dev/chancery/services/audit/internal/catalogue"
	"github.com/chancery-dev/chancery/services/audit/internal/feed"
	"github.com/chancery-dev/chancery/services/audit/internal/subscription"
	"github.com/chancery-dev/chancery/services/audit/internal/view"
)

var refusals = problem.Map{
	subscription.ErrUnknown: {Kind: problem.NotFound, Code: "not_found"},
	subscription.ErrMade:    {Kind: problem.Conflict, Code: "already_subscribed"},
	subscription.ErrName:    {Kind: problem.Invalid, Code: "name_invalid"},
	subscription.ErrTypes:   {Kind: problem.Invalid, Code: "types_invalid"},
	subscription.ErrMany:    {Kind: problem.Invalid, Code: "too_many_filters"},
	subscription.ErrLife:    {Kind: problem.Invalid, Code: "expiry_invalid"},
	subscription.ErrKey:     {Kind: problem.Invalid, Code: "user_nkey_invalid"},
	subscription.ErrEnded:   {Kind: problem.Conflict, Code: "ended"},
	subscription.ErrRange:   {Kind: problem.Invalid, Code: "range_invalid"},
	subscription.ErrReason:  {Kind: problem.Invalid, Code: "reason_invalid"},
	carrier.ErrAgedOut:      {Kind: problem.Gone, Code: "aged_out"},
}

var (
	errNoCarrier   = problem.New(problem.Unavailable, "carrier_unavailable", "Delivery by NATS is not set up here; read the events by GET /v1/events.")
	errKeyTaken    = problem.New(problem.Conflict, "key_reused", "The key was registered before; make a new one.")
	errApplication = problem.New(problem.Conflict, "application_inactive", "The application is not active.")
)

// Delivery is what subscriptions are made with.
type Delivery struct {
	Subscriptions eventlog.Repository[subscription.State]
	Durables      carrier.Durables
	// Issuer is nil where no NATS user can be made.
	Issuer *carrier.Issuer
	// Taken says whether a key was ever a subscription's, as of the lineage's position.
	Taken   func(key string) bool
	Lineage *lineage.Fold
	// Followed returns once the views of EVENTS include a position.
	Followed func(ctx context.Context, position uint64) error
	// Recorded is how many records there are.
	Recorded func(ctx context.Context) (uint64, error)
	// Base is the address that names the suite in events.
	Base string
}

type startAt struct {
	Time     time.Time `json:"time,omitempty" doc:"Begin with what was stored then"`
	Sequence uint64    `json:"sequence,omitempty" doc:"Begin with the event of this sequence"`
}

type subscribeRequest struct {
	Body struct {
		Name          string   `json:"name" minLength:"1" maxLength:"80"`
		Types         []string `json:"types" minItems:"1" maxItems:"200" doc:"As GET /v1/event-types names them"`
		Organizations []string `json:"organizations,omitempty" maxItems:"400" doc:"Those whose events are delivered. None means the own one, for auditors and platform administrators all"`
		ApplicationID string   `json:"application_id,omitempty" maxLength:"64" doc:"The application this is for: its end ends the subscription"`
		Start         *startAt `json:"start,omitempty" doc:"New events only where it is left out"`
		UserKey       string   `json:"user_nkey,omitempty" maxLength:"64" doc:"Public key of a NATS user of your own; none makes one, shown once"`
		Days          int      `json:"expires_in_days,omitempty" minimum:"1" maximum:"90" default:"90"`
	}
}

// Subscribed is a subscription as it was made.
type Subscribed struct {
	endpoint.Receipt
	Stream      string    `json:"stream"`
	Consumer    string    `json:"consumer"`
	APIPrefix   string    `json:"api_prefix" doc:"Prefix of the JetStream interface, which the client must be told"`
	InboxPrefix string    `json:"inbox_prefix" doc:"Prefix of inboxes, which the client must be told"`
	Filters     []string  `json:"filters"`
	Creds       string    `json:"creds,omitempty" doc:"Seed of the NATS user's key (nkey), shown once and kept nowhere"`
	ExpiresAt   time.Time `json:"expires_at"`
}

func (a *api) subscribe(ctx context.Context, in subscribeRequest) (endpoint.Answer[Subscribed], error) {
	var none endpoint.Answer[Subscribed]
	caller, body, id := principal.Caller(ctx), in.Body, endpoint.NewID(ctx, "subscription")
	types, err := known(body.Types)
	if err != nil {
		return none, err
	}
	organizations, err := a.organizations(caller, body.Organizations)
	if err != nil {
		return none, err
	}
	if a.Issuer == nil {
		return none, errNoCarrier
	}
	var seed string
	if body.UserKey == "" {
		if body.UserKey, seed, err = carrier.NewUser(); err != nil {
			return none, err
		}
	} else if !carrier.IsUserKey(body.UserKey) {
		return none, problem.InvalidField("user_nkey", "nkey", "is not the public key of a NATS user")
	}
	after, err := a.beginning(ctx, body.Start)
	if err != nil {
		return none, err
	}
	now := a.Now()
	create := subscription.Create{Name: body.Name, Organization: caller.Organization, ApplicationID: body.ApplicationID, Types: types, Organizations: organizations,
		UserKey: body.UserKey, Now: now, Expires: now.Add(time.Duration(max(body.Days, 1)) * 24 * time.Hour).Truncate(time.Second), After: after}
	out, err := a.Subscriptions.HandleWith(ctx, id, func(ctx context.Context, tail uint64) (aggregate.Command[subscription.State], uint64, error) {
		if err := a.Lineage.WaitFor(ctx, max(tail, eventlog.MetaFrom(ctx).Shown)); err != nil {
			return nil, 0, eventlog.ErrBehind
		}
		seen := a.Lineage.Position()
		if err := a.Followed(ctx, seen); err != nil {
			return nil, 0, err
		}
		if a.Taken(body.UserKey) {
			return nil, 0, errKeyTaken
		}
		return create, seen, a.applicationOf(ctx, caller, body.ApplicationID)
	})
	if err != nil {
		return none, err
	}
	state, _, err := a.Subscriptions.Load(ctx, id)
	if err != nil {
		return none, err
	}
	if err := a.Durables.Create(ctx, subscribed(id, state)); err != nil {
		return none, err
	}
	answer := Subscribed{
		Receipt: endpoint.Receipt{ID: id, Position: out.Position, Repeated: out.Repeated}, Stream: feed.Stream, Consumer: carrier.Name(id), APIPrefix: carrier.APIPrefix,
		InboxPrefix: carrier.InboxPrefix(id), Filters: feed.Filters(state.Types, state.Organizations), ExpiresAt: state.Expires.UTC(),
	}
	if !out.Repeated {
		answer.Creds = seed
	}
	return endpoint.At(out.Position, answer), nil
}

func subscribed(id string, s subscription.State) carrier.Subscribed {
	return carrier.Subscribed{ID: id, Types: s.Types, Organizations: s.Organizations, After: s.After}
}

// known gives the names of the types asked for, or says of each unknown one which names are near.
func known(asked []string) ([]string, error) {
	var names []string
	var wrong []problem.Field
	for i, name := range asked {
		t, ok := catalogue.Find(name)
		switch {
		case ok && !t.Observation:
			names = append(names, t.Name)
		default:
			detail := "is no type of event"
			if near := catalogue.Near(name); len(near) > 0 {
				detail += fmt.Sprintf("; near: %v", near)
			}
			wrong = append(wrong, problem.Field{Name: fmt.Sprintf("types[%d]", i), Code: "type_unknown", Detail: detail})
		}
	}
	if len(wrong) > 0 {
		return nil, problem.New(problem.Invalid, "type_unknown", "Some types of event are not known.").With(wrong...)
	}
	return names, nil
}

// organizations are those whose events the caller may have and asked for.
func (a *api) organizations(caller principal.Principal, asked []string) ([]string, error) {
	if everywhere(caller) {
		for _, o := range asked {
			if _, ok := a.Lineage.Find(lineage.Ref{Kind: "organization", ID: o}); !ok {
				return nil, problem.NotFoundError()
			}
		}
		return asked, nil
	}
	if slices.ContainsFunc(asked, func(o string) bool { return o != caller.Organization }) {
		return nil, problem.NotFoundError()
	}
	return []string{caller.Organization}, nil
}

// applicationOf is nil if the application is the caller's own and live, or none is named.
func (a *api) applicationOf(ctx context.Context, caller principal.Principal, id string) error {
	if id == "" {
		return nil
	}
	switch organization, err := a.Rows.ApplicationOf(ctx, id); {
	case err != nil:
		return err
	case organization == "", organization != caller.Organization:
		return problem.NotFoundError()
	}
	if err := a.Lineage.Live(lineage.Ref{Kind: "application", ID: id}, a.Now()); err != nil {
		return errApplication.Because(err)
	}
	return nil
}

// beginning is the position of the last record that is not delivered.
func (a *api) beginning(ctx context.Context, at *startAt) (uint64, error) {
	switch {
	case at == nil || at.Time.IsZero() && at.Sequence == 0:
		return a.Recorded(ctx)
	case at.Sequence > 0 && !at.Time.IsZero():
		return 0, problem.InvalidField("start", "start", "names a time or a sequence, not both")
	case at.Sequence > 0:
		return at.Sequence - 1, nil
	}
	return a.Rows.Before(ctx, at.Time)
}

type subscriptionsRequest struct{ endpoint.Paging }

func (a *api) subscriptions(ctx context.Context, in subscriptionsRequest) (endpoint.Answer[endpoint.Page[view.Subscription]], error) {
	var before uint64
	if err := in.Cursor(&before); err != nil {
		return endpoint.Answer[endpoint.Page[view.Subscription]]{}, err
	}
	caller, organization := principal.Caller(ctx), ""
	if !everywhere(caller) {
		organization = caller.Organization
	}
	rows, err := a.Rows.Subscriptions(ctx, organization, before, in.Fetch())
	return endpoint.List(in.Paging, rows, func(s view.Subscription) any { return s.Position }), err
}

func (a *api) withinSubscription(ctx context.Context, p principal.Principal, id string) error {
	state, _, err := a.Subscriptions.Load(ctx, id)
	switch {
	case err != nil:
		return err
	case !state.Created, state.Organization != p.Organization && !everywhere(p):
		return problem.NotFoundError()
	}
	return nil
}

// Object is the parameter of operations on one object.
type Object struct {
	ID string `path:"id"`
}

// SubscriptionDetail is one subscription with how far its reader is and what the caller may do.
type SubscriptionDetail struct {
	view.Subscription
	Consumer       string           `json:"consumer"`
	Filters        []string         `json:"filters"`
	Pending        uint64           `json:"pending" doc:"Events that wait for the reader"`
	Unacknowledged uint64           `json:"unacknowledged" doc:"Events it was given and has not confirmed"`
	Oldest         *time.Time       `json:"oldest,omitempty" doc:"When the oldest event it has not confirmed came"`
	Late           bool             `json:"late" doc:"It has not confirmed events for half the time they are kept"`
	Allowed        endpoint.Allowed `json:"allowed"`
}

func (a *api) subscription(ctx context.Context, in Object) (endpoint.Answer[SubscriptionDetail], error) {
	var none endpoint.Answer[SubscriptionDetail]
	row, found, err := a.Rows.Subscription(ctx, in.ID)
	if err != nil {
		return none, err
	}
	if !found {
		return none, eventlog.ErrBehind
	}
	state, _, err := a.Subscriptions.Load(ctx, in.ID)
	if err != nil {
		return none, err
	}
	progress, _, err := a.Durables.Progress(ctx, in.ID)
	if err != nil {
		return none, err
	}
	oldest, err := a.Durables.Oldest(ctx, in.ID)
	if err != nil {
		return none, err
	}
	standing := endpoint.Judge(refusals, state.Standing())
	detail := SubscriptionDetail{Subscription: row, Consumer: carrier.Name(in.ID), Filters: feed.Filters(row.Types, row.Organizations),
		Pending: progress.Pending, Unacknowledged: progress.Unacknowledged, Late: carrier.Late(oldest, a.Now()), Allowed: endpoint.Allowed{"end": standing, "replay": standing}}
	if !oldest.IsZero() {
		oldest = oldest.UTC()
		detail.Oldest = &oldest
	}
	return endpoint.OK(detail), nil
}

type replayRequest struct {
	Object
	Body struct {
		From uint64 `json:"from" minimum:"1" doc:"Sequence of the first event"`
		To   uint64 `json:"to" minimum:"1" doc:"Sequence of the last event; a reader stops behind it"`
	}
}

// Replaying is where a replay is read.
type Replaying struct {
	endpoint.Receipt
	Consumer string `json:"consumer"`
	From     uint64 `json:"from"`
	To       uint64 `json:"to"`
}

func (a *api) replay(ctx context.Context, in replayRequest) (endpoint.Answer[Replaying], error) {
	var none endpoint.Answer[Replaying]
	out, err := a.Subscriptions.Handle(ctx, in.ID, subscription.Replay{From: in.Body.From, To: in.Body.To})
	if err != nil {
		return none, err
	}
	state, _, err := a.Subscriptions.Load(ctx, in.ID)
	if err != nil {
		return none, err
	}
	if err := a.Durables.Replay(ctx, subscribed(in.ID, state), in.Body.From); err != nil {
		return none, err
	}
	return endpoint.At(out.Position, Replaying{endpoint.Receipt{ID: in.ID, Position: out.Position, Repeated: out.Repeated}, carrier.Replays(in.ID), in.Body.From, in.Body.To}), nil
}

type endRequest struct {
	Object
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

func (a *api) end(ctx context.Context, in endRequest) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := a.Subscriptions.Handle(ctx, in.ID, subscription.End{Reason: in.Body.Reason})
	if err != nil {
		return endpoint.Answer[endpoint.Receipt]{}, err
	}
	if err := a.Durables.Drop(ctx, in.ID); err != nil {
		return endpoint.Answer[endpoint.Receipt]{}, err
	}
	return endpoint.Done(in.ID, out.Position, out.Repeated), nil
}
