package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/problem"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/signal"
	"github.com/chancery-dev/chancery/services/issuance/internal/signalstream"
	"github.com/chancery-dev/chancery/services/issuance/internal/transmit"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// Scopes of an access token that let a governed application manage and read its organisation's streams.
const (
	scopeManage = "ssf.manage"
	scopeRead   = "ssf.read"
)

// Delivery methods of SSF 1.0 §6.1.
const (
	methodPush = "urn:ietf:rfc:8935"
	methodPoll = "urn:ietf:rfc:8936"
)

const ssfRoot = "/oauth2/ssf"

// streamLife is how long a stream lasts that a machine opens.
const streamLife = 180 * 24 * time.Hour

// ssfRoutes are the operations of the Shared Signals Framework 1.0 §7 and §8, for machines.
func (a *api) ssfRoutes(e *endpoint.API) {
	limits := endpoint.Limits{Address: endpoint.Rate{Count: 1200, Per: time.Minute}}
	raw := func(method, path, summary string, scope string, h func(http.ResponseWriter, *http.Request, receiver) error) {
		op := endpoint.Operation{Method: method, Path: path, Summary: summary, Limits: limits, Timeout: 40 * time.Second, Tag: "shared signals"}
		if method != "GET" && method != "DELETE" {
			op.Accept = []string{"application/json"}
		}
		endpoint.Raw(e, endpoint.Public, op, a.received(scope, h), nil)
	}
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "GET", Path: "/.well-known/ssf-configuration", Summary: "Transmitter metadata, SSF 1.0 §7.1", Tag: "shared signals"}, http.HandlerFunc(a.ssfMetadata), nil)
	raw("POST", ssfRoot+"/streams", "Open a stream, SSF 1.0 §8.1.1.1", scopeManage, a.ssfOpen)
	raw("GET", ssfRoot+"/streams", "Read streams, SSF 1.0 §8.1.1.2", scopeRead, a.ssfRead)
	raw("PATCH", ssfRoot+"/streams", "Change a stream, SSF 1.0 §8.1.1.3", scopeManage, a.ssfChange)
	raw("PUT", ssfRoot+"/streams", "Replace a stream, SSF 1.0 §8.1.1.4", scopeManage, a.ssfChange)
	raw("DELETE", ssfRoot+"/streams", "End a stream, SSF 1.0 §8.1.1.5", scopeManage, a.ssfEnd)
	raw("GET", ssfRoot+"/status", "Read a stream's status, SSF 1.0 §8.1.2.1", scopeRead, a.ssfStatus)
	raw("POST", ssfRoot+"/status", "Set a stream's status, SSF 1.0 §8.1.2.2", scopeManage, a.ssfSetStatus)
	raw("POST", ssfRoot+"/subjects/add", "Take a subject back in, SSF 1.0 §8.1.3.2", scopeManage, a.ssfSubject(true))
	raw("POST", ssfRoot+"/subjects/remove", "Leave a subject out, SSF 1.0 §8.1.3.3", scopeManage, a.ssfSubject(false))
	raw("POST", ssfRoot+"/verify", "Have a verification event sent, SSF 1.0 §8.1.4.2", scopeRead, a.ssfVerify)
	raw("POST", ssfRoot+"/poll/{id}", "Fetch and acknowledge tokens, RFC 8936", scopeRead, a.ssfPoll)
}

func (a *api) pollAddress(id string) string { return a.OAuth.Issuer + ssfRoot + "/poll/" + id }

func (a *api) ssfMetadata(w http.ResponseWriter, _ *http.Request) {
	at := a.OAuth.Issuer + ssfRoot
	answerJSON(w, http.StatusOK, map[string]any{
		"spec_version": "1_0", "issuer": a.OAuth.Issuer, "jwks_uri": a.OAuth.Issuer + "/oauth2/jwks",
		"delivery_methods_supported": []string{methodPush, methodPoll}, "configuration_endpoint": at + "/streams", "status_endpoint": at + "/status",
		"add_subject_endpoint": at + "/subjects/add", "remove_subject_endpoint": at + "/subjects/remove", "verification_endpoint": at + "/verify",
		"critical_subject_members": []string{}, "default_subjects": "ALL",
		"authorization_schemes": []map[string]string{{"spec_urn": "urn:ietf:rfc:6749"}},
	})
}

// receiver is an application that speaks for its organisation.
type receiver struct{ accesstoken.Claims }

// received lets in whoever carries a good access token with a scope; managing includes reading.
func (a *api) received(scope string, h func(http.ResponseWriter, *http.Request, receiver) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := a.OAuth.Bearer(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			answerJSON(w, http.StatusUnauthorized, map[string]string{"err": "authentication_failed", "description": "send a good access token"})
			return
		}
		if !slices.Contains(c.Scopes(), scope) && !(scope == scopeRead && slices.Contains(c.Scopes(), scopeManage)) {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`)
			answerJSON(w, http.StatusForbidden, map[string]string{"err": "access_denied", "description": "the token lacks the scope " + scope})
			return
		}
		m := eventlog.MetaFrom(r.Context())
		m.Actor, m.Shown = &eventv1.Actor{Id: c.ClientID, Kind: "client"}, max(m.Shown, c.Seen)
		r = r.WithContext(eventlog.WithMeta(r.Context(), m))
		if err := h(w, r, receiver{c}); err != nil {
			a.ssfFailed(w, r, err)
		}
	})
}

var errNoStream = errors.New("no such stream")

func (a *api) ssfFailed(w http.ResponseWriter, r *http.Request, err error) {
	var bad badRequest
	switch {
	case errors.Is(err, errNoStream), errors.Is(err, signalstream.ErrUnknown), errors.Is(err, signalstream.ErrEnded):
		answerJSON(w, http.StatusNotFound, map[string]string{"err": "not_found", "description": "there is no such stream"})
	case errors.As(err, &bad):
		answerJSON(w, http.StatusBadRequest, map[string]string{"err": "invalid_request", "description": string(bad)})
	case refusedStream(err):
		answerJSON(w, http.StatusBadRequest, map[string]string{"err": "invalid_request", "description": err.Error()})
	default:
		problem.Write(w, err, problem.RequestID(r.Context()))
	}
}

func refusedStream(err error) bool {
	for known := range signalRefusals {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

type badRequest string

func (b badRequest) Error() string { return string(b) }

// document reads a JSON body that knows no member twice in meaning: unknown members are left alone, as SSF wants.
func document(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	if err := d.Decode(into); err != nil || d.More() {
		return badRequest("the body is not one JSON object")
	}
	return nil
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	var out bytes.Buffer
	_ = json.NewEncoder(&out).Encode(body)
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

// mine is a stream of the receiver's organisation.
func (a *api) mine(ctx context.Context, c receiver, id string) (signalstream.State, error) {
	if uuid.Validate(id) != nil {
		return signalstream.State{}, errNoStream
	}
	s, _, err := a.Signals.Streams.Load(ctx, id)
	if err == nil && (!s.Created || s.Ended || s.Organization != c.Organization) {
		err = errNoStream
	}
	return s, err
}

type ssfDelivery struct {
	Method        string `json:"method"`
	EndpointURL   string `json:"endpoint_url,omitempty"`
	Authorization string `json:"authorization_header,omitempty"`
}

// configuration is SSF 1.0 §8.1.1.
type configuration struct {
	StreamID        string          `json:"stream_id,omitempty"`
	Issuer          string          `json:"iss,omitempty"`
	Audience        json.RawMessage `json:"aud,omitempty"`
	EventsSupported []string        `json:"events_supported,omitempty"`
	EventsRequested *[]string       `json:"events_requested,omitempty"`
	EventsDelivered []string        `json:"events_delivered,omitempty"`
	Delivery        *ssfDelivery    `json:"delivery,omitempty"`
	Description     *string         `json:"description,omitempty"`
	Inactivity      int             `json:"inactivity_timeout,omitempty"`
}

func (a *api) describe(id string, s signalstream.State) configuration {
	audience, _ := json.Marshal(s.Audience)
	requested, delivered := append([]string{}, s.Events...), s.Events
	if len(s.Events) == 0 {
		delivered = signal.Types
	}
	d := &ssfDelivery{Method: methodPush, EndpointURL: s.Delivery.Endpoint}
	if s.Delivery.Method == signalstream.Poll {
		d = &ssfDelivery{Method: methodPoll, EndpointURL: a.pollAddress(id)}
	}
	return configuration{StreamID: id, Issuer: a.OAuth.Issuer, Audience: audience, EventsSupported: signal.Types, EventsRequested: &requested, EventsDelivered: delivered, Delivery: d, Description: &s.Description}
}

// wanted are the events asked for that there are; of others nothing is sent, SSF 1.0 §8.1.1.1.
func wanted(asked []string) (known []string) {
	for _, t := range asked {
		if slices.Contains(signal.Types, t) && !slices.Contains(known, t) {
			known = append(known, t)
		}
	}
	return known
}

func (d *ssfDelivery) read() (signalstream.Delivery, error) {
	switch {
	case d == nil, d.Method == methodPoll:
		return signalstream.Delivery{Method: signalstream.Poll}, nil
	case d.Method == methodPush:
		return signalstream.Delivery{Method: signalstream.Push, Endpoint: d.EndpointURL}, nil
	}
	return signalstream.Delivery{}, signalstream.ErrMethod
}

func (a *api) ssfOpen(w http.ResponseWriter, r *http.Request, c receiver) error {
	var in configuration
	if err := document(w, r, &in); err != nil {
		return err
	}
	to, err := in.Delivery.read()
	if err != nil {
		return err
	}
	open := signalstream.Open{Organization: c.Organization, ApplicationID: c.Application, Audience: c.ClientID, Delivery: to, Expires: a.Now().Add(streamLife)}
	header := ""
	if in.Delivery != nil {
		header = in.Delivery.Authorization
	}
	if in.EventsRequested != nil {
		if open.Events = wanted(*in.EventsRequested); len(*in.EventsRequested) > 0 && len(open.Events) == 0 {
			return signalstream.ErrEvents
		}
	}
	if in.Description != nil {
		open.Description = *in.Description
	}
	id := uuid.Must(uuid.NewV7()).String()
	if _, err := a.open(r.Context(), id, header, open); err != nil {
		return err
	}
	s, _, err := a.Signals.Streams.Load(r.Context(), id)
	if err == nil {
		answerJSON(w, http.StatusCreated, a.describe(id, s))
	}
	return err
}

func (a *api) ssfRead(w http.ResponseWriter, r *http.Request, c receiver) error {
	if id := r.URL.Query().Get("stream_id"); id != "" {
		s, err := a.mine(r.Context(), c, id)
		if err == nil {
			answerJSON(w, http.StatusOK, a.describe(id, s))
		}
		return err
	}
	rows, err := a.Rows.Streams(r.Context(), c.Organization, "", 200)
	if err != nil {
		return err
	}
	all := []configuration{}
	for _, row := range rows {
		if s, err := a.mine(r.Context(), c, row.ID); err == nil {
			all = append(all, a.describe(row.ID, s))
		}
	}
	answerJSON(w, http.StatusOK, all)
	return nil
}

func (a *api) ssfChange(w http.ResponseWriter, r *http.Request, c receiver) error {
	var in configuration
	if err := document(w, r, &in); err != nil {
		return err
	}
	s, err := a.mine(r.Context(), c, in.StreamID)
	if err != nil {
		return err
	}
	change := signalstream.Change{Delivery: s.Delivery, Events: s.Events, Description: s.Description, Known: signal.Types, Loopback: a.Signals.Loopback}
	if r.Method == http.MethodPut {
		change.Events, change.Description = nil, ""
	}
	if in.EventsRequested != nil {
		change.Events = wanted(*in.EventsRequested)
	}
	if in.Description != nil {
		change.Description = *in.Description
	}
	if in.Delivery != nil {
		if change.Delivery, err = in.Delivery.read(); err != nil {
			return err
		}
		if in.Delivery.Authorization != "" {
			change.Delivery.SecretID = uuid.NewString()
			if err := a.Signals.Keep(r.Context(), change.Delivery.SecretID, []byte(in.Delivery.Authorization)); err != nil {
				return err
			}
		}
	}
	if _, err := a.Signals.Streams.Handle(r.Context(), in.StreamID, change); err != nil {
		return err
	}
	if s, _, err = a.Signals.Streams.Load(r.Context(), in.StreamID); err == nil {
		answerJSON(w, http.StatusOK, a.describe(in.StreamID, s))
	}
	return err
}

func (a *api) ssfEnd(w http.ResponseWriter, r *http.Request, c receiver) error {
	id := r.URL.Query().Get("stream_id")
	return a.ssfDecide(w, r, c, id, signalstream.End{Reason: "ended by its receiver"})
}

// ssfDecide answers a command that says nothing more than that it was done.
func (a *api) ssfDecide(w http.ResponseWriter, r *http.Request, c receiver, id string, cmd aggregate.Command[signalstream.State]) error {
	if _, err := a.mine(r.Context(), c, id); err != nil {
		return err
	}
	if _, err := a.Signals.Streams.Handle(r.Context(), id, cmd); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type streamStatus struct {
	StreamID string `json:"stream_id"`
	Status   string `json:"status"`
	Reason   string `json:"reason,omitempty"`
}

func (a *api) ssfStatus(w http.ResponseWriter, r *http.Request, c receiver) error {
	id := r.URL.Query().Get("stream_id")
	s, err := a.mine(r.Context(), c, id)
	if err == nil {
		answerJSON(w, http.StatusOK, streamStatus{StreamID: id, Status: s.Status})
	}
	return err
}

func (a *api) ssfSetStatus(w http.ResponseWriter, r *http.Request, c receiver) error {
	var in streamStatus
	if err := document(w, r, &in); err != nil {
		return err
	}
	if _, err := a.mine(r.Context(), c, in.StreamID); err != nil {
		return err
	}
	if _, err := a.Signals.Streams.Handle(r.Context(), in.StreamID, signalstream.SetStatus{Status: in.Status, Reason: in.Reason}); err != nil {
		return err
	}
	answerJSON(w, http.StatusOK, in)
	return nil
}

func (a *api) ssfSubject(back bool) func(http.ResponseWriter, *http.Request, receiver) error {
	return func(w http.ResponseWriter, r *http.Request, c receiver) error {
		var in struct {
			StreamID string `json:"stream_id"`
			Subject  struct {
				Format  string `json:"format"`
				Issuer  string `json:"iss"`
				Subject string `json:"sub"`
				ID      string `json:"id"`
			} `json:"subject"`
		}
		if err := document(w, r, &in); err != nil {
			return err
		}
		id := in.Subject.ID
		switch in.Subject.Format {
		case "iss_sub":
			if id = in.Subject.Subject; in.Subject.Issuer != a.OAuth.Issuer {
				return badRequest("the subject is of another issuer")
			}
		case "opaque":
		default:
			return badRequest("a subject is named by iss_sub or opaque")
		}
		if _, err := a.mine(r.Context(), c, in.StreamID); err != nil {
			return err
		}
		if _, err := a.Signals.Streams.Handle(r.Context(), in.StreamID, signalstream.Leave{SubjectID: id, Back: back}); err != nil {
			return err
		}
		if back {
			w.WriteHeader(http.StatusOK)
		} else {
			w.WriteHeader(http.StatusNoContent)
		}
		return nil
	}
}

func (a *api) ssfVerify(w http.ResponseWriter, r *http.Request, c receiver) error {
	var in struct {
		StreamID string `json:"stream_id"`
		State    string `json:"state"`
	}
	if err := document(w, r, &in); err != nil {
		return err
	}
	return a.ssfDecide(w, r, c, in.StreamID, signalstream.Verify{State: in.State})
}

func (a *api) ssfPoll(w http.ResponseWriter, r *http.Request, c receiver) error {
	var in transmit.Request
	if err := document(w, r, &in); err != nil {
		return err
	}
	id := r.PathValue("id")
	s, err := a.mine(r.Context(), c, id)
	switch {
	case err != nil:
		return err
	case s.Delivery.Method != signalstream.Poll:
		return errNoStream
	}
	row, found, err := a.Rows.Stream(r.Context(), id)
	if err != nil {
		return err
	}
	if !found { // the view is on its way to it
		row = view.Stream{ID: id, OrganizationID: s.Organization, Audience: s.Audience, Events: s.Events, Removed: s.Removed, Status: s.Status, After: c.Seen}
	}
	answer, err := a.Signals.Poll(r.Context(), row, in)
	if err == nil {
		answerJSON(w, http.StatusOK, answer)
	}
	return err
}
