package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/internal/signal"
	"github.com/chancery-dev/chancery/services/issuance/internal/signalstream"
	"github.com/chancery-dev/chancery/services/issuance/internal/transmit"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// Signals is what the operations on streams of security events act through.
type Signals struct {
	*transmit.Transmitter
	Streams eventlog.Repository[signalstream.State]
	// Keep puts an Authorization header into the vault under a name.
	Keep func(ctx context.Context, id string, header []byte) error
	// Loopback lets tokens be pushed to this machine, for development.
	Loopback bool
}

var (
	readSignals   = principal.For("signal_stream.read", principal.OrgAdmin, principal.Auditor, principal.PlatformAdmin)
	manageSignals = principal.For("signal_stream.manage", principal.OrgAdmin, principal.PlatformAdmin).WithStepUp()
)

var signalRefusals = problem.Map{
	signalstream.ErrUnknown:  {Kind: problem.NotFound, Code: "not_found"},
	signalstream.ErrOpened:   {Kind: problem.Conflict, Code: "stream_open"},
	signalstream.ErrEnded:    {Kind: problem.Conflict, Code: "stream_ended"},
	signalstream.ErrMethod:   {Kind: problem.Invalid, Code: "method_unknown"},
	signalstream.ErrEndpoint: {Kind: problem.Invalid, Code: "endpoint_refused"},
	signalstream.ErrAudience: {Kind: problem.Invalid, Code: "audience_missing"},
	signalstream.ErrEvents:   {Kind: problem.Invalid, Code: "event_unknown"},
	signalstream.ErrLife:     {Kind: problem.Invalid, Code: "lifetime_too_long"},
	signalstream.ErrStatus:   {Kind: problem.Invalid, Code: "status_unknown"},
	signalstream.ErrSubjects: {Kind: problem.Conflict, Code: "subjects_too_many"},
	signalstream.ErrText:     {Kind: problem.Invalid, Code: "text_too_long"},
}

func (a *api) signalRoutes(e *endpoint.API) {
	e.Refusals(signalRefusals)
	few := endpoint.Limits{Person: endpoint.Rate{Count: 30, Per: time.Minute}, Organization: endpoint.Rate{Count: 120, Per: time.Minute}}
	endpoint.Route(e, manageSignals, endpoint.Operation{Method: "POST", Path: "/v1/signal-streams", Summary: "Open a stream of security events", Status: http.StatusCreated, Reach: "own organisation", Limits: few}, a.openStream)
	endpoint.Route(e, readSignals, endpoint.Operation{Method: "GET", Path: "/v1/signal-streams", Summary: "List streams of security events", Reach: "own organisation; auditors and platform administrators all"}, a.listStreams)
	endpoint.Route(e, readSignals, endpoint.Operation{Method: "GET", Path: "/v1/signal-streams/{id}", Summary: "Read a stream and what it told", Object: a.seesStream}, a.getStream)
	endpoint.Route(e, manageSignals, endpoint.Operation{Method: "POST", Path: "/v1/signal-streams/{id}/verify", Summary: "Have a verification event sent", Object: a.seesStream, Limits: few}, a.verifyStream)
	endpoint.Route(e, manageSignals, endpoint.Operation{Method: "POST", Path: "/v1/signal-streams/{id}/status", Summary: "Enable, pause or disable a stream", Object: a.seesStream, Limits: few}, a.setStreamStatus)
	endpoint.Route(e, manageSignals, endpoint.Operation{Method: "POST", Path: "/v1/signal-streams/{id}/end", Summary: "End a stream", Object: a.seesStream, Limits: few}, a.endStream)
	a.ssfRoutes(e)
}

type streamAnswer struct {
	ID             string         `json:"id"`
	OrganizationID string         `json:"organization_id"`
	ApplicationID  string         `json:"application_id,omitempty"`
	Method         string         `json:"method" enum:"push,poll"`
	Endpoint       string         `json:"endpoint,omitempty" doc:"Where tokens are pushed to; for poll, where they are fetched"`
	Audience       string         `json:"audience"`
	Events         []string       `json:"events" doc:"Empty for every type there is"`
	Description    string         `json:"description,omitempty"`
	State          string         `json:"state" enum:"enabled,paused,disabled,ended"`
	Reason         string         `json:"reason,omitempty"`
	LeftOut        int            `json:"left_out" doc:"How many subjects it tells nothing of"`
	CreatedAt      time.Time      `json:"created_at"`
	CreatedBy      string         `json:"created_by"`
	ExpiresAt      time.Time      `json:"expires_at"`
	Told           *transmit.Told `json:"told,omitempty"`
}

func (a *api) streamAnswer(s view.Stream) streamAnswer {
	out := streamAnswer{ID: s.ID, OrganizationID: s.OrganizationID, ApplicationID: s.ApplicationID, Method: s.Method, Endpoint: s.Endpoint, Audience: s.Audience,
		Events: append([]string{}, s.Events...), Description: s.Description, State: s.Status, Reason: s.Reason, LeftOut: len(s.Removed), CreatedAt: s.CreatedAt.UTC(), CreatedBy: s.CreatedBy, ExpiresAt: s.ExpiresAt.UTC()}
	if s.Method == signalstream.Poll {
		out.Endpoint = a.pollAddress(s.ID)
	}
	if s.EndedAt != nil || !a.Now().Before(s.ExpiresAt) {
		out.State = "ended"
	}
	return out
}

func (a *api) seesStream(ctx context.Context, p principal.Principal, id string) error {
	s, _, err := a.Signals.Streams.Load(ctx, id)
	switch {
	case err != nil:
		return err
	case !s.Created, s.Organization != p.Organization && !everywhere(p):
		return problem.NotFoundError()
	}
	return nil
}

type openStreamRequest struct {
	Body struct {
		Method        string   `json:"method" enum:"push,poll"`
		Endpoint      string   `json:"endpoint,omitempty" maxLength:"500" doc:"Where tokens are pushed to: an https address"`
		Authorization string   `json:"authorization_header,omitempty" maxLength:"2000" doc:"Sent with every push; kept in the vault and never shown again"`
		Audience      string   `json:"audience" minLength:"1" maxLength:"300" doc:"aud of every token"`
		Events        []string `json:"events,omitempty" maxItems:"20" doc:"Types of event; every one if absent"`
		Description   string   `json:"description,omitempty" maxLength:"200"`
		Days          int      `json:"days,omitempty" minimum:"1" maximum:"365" doc:"How long the stream lasts; 180 if absent"`
	}
}

func (a *api) openStream(ctx context.Context, in openStreamRequest) (endpoint.Answer[endpoint.Receipt], error) {
	if in.Body.Days == 0 {
		in.Body.Days = 180
	}
	id := endpoint.NewID(ctx, "signal_stream")
	out, err := a.open(ctx, id, in.Body.Authorization, signalstream.Open{
		Organization: principal.Caller(ctx).Organization, Audience: in.Body.Audience, Description: in.Body.Description, Events: in.Body.Events,
		Delivery: signalstream.Delivery{Method: in.Body.Method, Endpoint: in.Body.Endpoint}, Expires: a.Now().Add(time.Duration(in.Body.Days) * 24 * time.Hour),
	})
	return endpoint.Done(id, out.Position, out.Repeated), err
}

// open keeps the header before anybody is told of the stream.
func (a *api) open(ctx context.Context, id, header string, c signalstream.Open) (eventlog.Outcome, error) {
	c.Now, c.Known, c.Loopback = a.Now(), signal.Types, a.Signals.Loopback
	if header != "" {
		c.Delivery.SecretID = uuid.NewString()
		if err := a.Signals.Keep(ctx, c.Delivery.SecretID, []byte(header)); err != nil {
			return eventlog.Outcome{}, err
		}
	}
	return a.Signals.Streams.Handle(ctx, id, c)
}

func (a *api) listStreams(ctx context.Context, in struct{ endpoint.Paging }) (endpoint.Answer[endpoint.Page[streamAnswer]], error) {
	var none endpoint.Answer[endpoint.Page[streamAnswer]]
	organization, after := principal.Caller(ctx).Organization, ""
	if everywhere(principal.Caller(ctx)) {
		organization = ""
	}
	if err := in.Cursor(&after); err != nil {
		return none, err
	}
	rows, err := a.Rows.Streams(ctx, organization, after, in.Fetch())
	if err != nil {
		return none, err
	}
	all := make([]streamAnswer, len(rows))
	for i, s := range rows {
		all[i] = a.streamAnswer(s)
	}
	return endpoint.List(in.Paging, all, func(s streamAnswer) any { return s.ID }), nil
}

func (a *api) getStream(ctx context.Context, in byID) (endpoint.Answer[streamAnswer], error) {
	s, found, err := a.Rows.Stream(ctx, in.ID)
	if err == nil && !found {
		err = problem.NotFoundError()
	}
	if err != nil {
		return endpoint.Answer[streamAnswer]{}, err
	}
	told, err := a.Signals.Told(ctx, s)
	out := a.streamAnswer(s)
	out.Told = &told
	return endpoint.OK(out), err
}

func (a *api) decideStream(ctx context.Context, id string, c aggregate.Command[signalstream.State]) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := a.Signals.Streams.Handle(ctx, id, c)
	return endpoint.Done(id, out.Position, out.Repeated), err
}

type verifyStreamRequest struct {
	ID   string `path:"id"`
	Body struct {
		State string `json:"state,omitempty" maxLength:"200"`
	}
}

func (a *api) verifyStream(ctx context.Context, in verifyStreamRequest) (endpoint.Answer[endpoint.Receipt], error) {
	return a.decideStream(ctx, in.ID, signalstream.Verify{State: in.Body.State})
}

type streamStatusRequest struct {
	ID   string `path:"id"`
	Body struct {
		Status string `json:"status" enum:"enabled,paused,disabled"`
		Reason string `json:"reason,omitempty" maxLength:"200"`
	}
}

func (a *api) setStreamStatus(ctx context.Context, in streamStatusRequest) (endpoint.Answer[endpoint.Receipt], error) {
	return a.decideStream(ctx, in.ID, signalstream.SetStatus{Status: in.Body.Status, Reason: in.Body.Reason})
}

type endStreamRequest struct {
	ID   string `path:"id"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (a *api) endStream(ctx context.Context, in endStreamRequest) (endpoint.Answer[endpoint.Receipt], error) {
	return a.decideStream(ctx, in.ID, signalstream.End{Reason: in.Body.Reason})
}
