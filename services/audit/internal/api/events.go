package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/audit/internal/catalogue"
	"github.com/chancery-dev/chancery/services/audit/internal/feed"
	"github.com/chancery-dev/chancery/services/audit/internal/record"
	"github.com/chancery-dev/chancery/services/audit/internal/view"
	"github.com/chancery-dev/chancery/services/audit/verify"
)

// EventType is one type of event as the catalogue shows it.
type EventType struct {
	Type     string          `json:"type" doc:"What a subscription names"`
	Title    string          `json:"title"`
	Sentence string          `json:"sentence"`
	Feed     bool            `json:"feed" doc:"Whether it can be subscribed; the others are read by GET /v1/events alone"`
	Schema   json.RawMessage `json:"schema" doc:"JSON Schema of the event's data"`
	Sample   feed.Event      `json:"sample"`
}

type eventTypes struct {
	Items []EventType `json:"items"`
}

func (a *api) eventTypes(context.Context, struct{}) (endpoint.Answer[eventTypes], error) {
	var out eventTypes
	for _, t := range catalogue.All() {
		schema, err := json.Marshal(t.Schema())
		if err != nil {
			return endpoint.Answer[eventTypes]{}, err
		}
		sample, err := feed.Sample(a.Base, t)
		if err != nil {
			return endpoint.Answer[eventTypes]{}, err
		}
		out.Items = append(out.Items, EventType{t.Name, t.Title, t.Sentence, !t.Observation, schema, sample})
	}
	return endpoint.OK(out), nil
}

type eventsRequest struct {
	endpoint.Paging
	Type string `query:"type" maxLength:"120" doc:"Only this type of event"`
	Wait int    `query:"wait" minimum:"0" maximum:"30" doc:"Seconds to wait for an event where there is none yet"`
}

// follow is the feed by cursor: every record within the caller's reach, however old, and a place to go on from, always.
func (a *api) follow(ctx context.Context, in eventsRequest) (endpoint.Answer[endpoint.Page[feed.Event]], error) {
	var none endpoint.Answer[endpoint.Page[feed.Event]]
	caller, f := principal.Caller(ctx), view.Filter{}
	if !everywhere(caller) {
		f.Organization = caller.Organization
	}
	if in.Type != "" {
		t, ok := catalogue.Find(in.Type)
		if !ok {
			_, err := known([]string{in.Type})
			return none, err
		}
		f.Type = t.Title
	}
	var from uint64
	if err := in.Cursor(&from); err != nil {
		return none, err
	}
	rows, err := a.Rows.Search(ctx, f, from, false, in.Limit)
	if err == nil && len(rows) == 0 && in.Wait > 0 {
		rows, err = a.await(ctx, f, from, in.Limit, time.Duration(in.Wait)*time.Second)
	}
	if err != nil {
		return none, err
	}
	page := endpoint.Page[feed.Event]{}
	for _, row := range rows {
		raw, err := a.Stream.Raw(ctx, row.Position)
		if err != nil {
			return none, err
		}
		rec, fact, err := record.Decode(raw)
		if err != nil {
			return none, err
		}
		event, err := feed.Of(a.Base, row.Position, raw, rec, fact)
		if err != nil {
			return none, err
		}
		page.Items, from = append(page.Items, event), row.Position
	}
	page.Next = endpoint.CursorAfter(from)
	return endpoint.OK(page), nil
}

// maxChecked bounds a check: its ids are all in the answer.
const maxChecked = 20000

var errWide = problem.New(problem.Invalid, "range_too_wide", "The range holds more than 20,000 events: check it in parts.")

type checkRequest struct {
	Object
	From uint64 `query:"from" minimum:"1" required:"true" doc:"First sequence"`
	To   uint64 `query:"to" minimum:"1" required:"true" doc:"Last sequence"`
}

// check says, signed with the log's key, which events of a range a subscription was to be given.
func (a *api) check(ctx context.Context, in checkRequest) (endpoint.Answer[verify.Check], error) {
	var none endpoint.Answer[verify.Check]
	state, _, err := a.Subscriptions.Load(ctx, in.ID)
	if err != nil {
		return none, err
	}
	last, err := a.Recorded(ctx)
	if err != nil {
		return none, err
	}
	if in.To < in.From || in.To > last {
		return none, problem.InvalidField("query.to", "range", "is not between from and the last record")
	}
	if err := a.WaitFor(ctx, in.To); err != nil {
		return none, eventlog.ErrBehind
	}
	var titles []string
	for _, name := range state.Types {
		if t, ok := catalogue.Find(name); ok {
			titles = append(titles, t.Title)
		}
	}
	from := max(in.From, state.After+1)
	ids, err := a.Rows.Carried(ctx, titles, state.Organizations, from, in.To, maxChecked)
	if err != nil {
		return none, err
	}
	if len(ids) > maxChecked {
		return none, errWide
	}
	check := verify.Check{Subscription: in.ID, From: in.From, To: in.To, Count: len(ids), Hash: verify.HashOf(ids), IDs: ids, Key: a.Signer.Public()}
	check.Note, err = a.Signer.Note(check.Text(a.Signer.Origin))
	return endpoint.OK(check), err
}
