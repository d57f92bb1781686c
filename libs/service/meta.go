package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// refusals is how what the log refuses is answered.
var refusals = problem.Map{
	eventlog.ErrConflict:       {Kind: problem.Conflict, Code: "concurrent_change", Sentence: "It changed meanwhile; look again."},
	eventlog.ErrOutcomeUnknown: {Kind: problem.Unavailable, Code: "outcome_unknown", Sentence: "Whether it was carried out is not known; send the same request again.", RetryAfter: time.Second},
	eventlog.ErrUnavailable:    {Kind: problem.Unavailable, Code: "log_unavailable", Sentence: "Nothing was carried out: the log cannot be reached.", RetryAfter: 2 * time.Second},
	eventlog.ErrBehind:         {Kind: problem.Unavailable, Code: "view_behind", Sentence: "This instance has not yet reached what the decision rests on; try again.", RetryAfter: time.Second},
	eventlog.ErrUpgradeNeeded:  {Kind: problem.Unavailable, Code: "upgrade_needed", Sentence: "A newer version has written what this one does not know."},
	eventlog.ErrTooLarge:       {Kind: problem.TooLarge, Code: "too_large", Sentence: "The decision is larger than may be recorded."},
}

// enter puts into the context what every decision of this call says of its origin.
func enter(ctx context.Context, c endpoint.Call) context.Context {
	m := eventlog.Meta{
		CommandID: c.CommandID, CorrelationID: c.CorrelationID, Shown: c.Shown, Organization: c.Principal.Organization,
		Source: &eventv1.Source{RequestId: c.RequestID, Ip: c.Address, UserAgent: c.UserAgent},
	}
	if p := c.Principal; p.ID != "" {
		m.Actor = &eventv1.Actor{Id: p.ID, Kind: string(p.Kind), Session: p.Session}
		m.Assurance = &eventv1.Assurance{Acr: p.ACR, Amr: p.AMR}
		if !p.AuthTime.IsZero() {
			m.Assurance.AuthenticatedAt = timestamppb.New(p.AuthTime)
		}
	}
	return eventlog.WithMeta(ctx, m)
}

// refused records that a caller's own command was refused; the answer does not wait for more than a moment.
func refused(log *eventlog.Log, logger *slog.Logger) func(context.Context, endpoint.Call, *problem.Error) {
	return func(ctx context.Context, c endpoint.Call, refusal *problem.Error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		fact := &activityv1.CommandRefused{Operation: c.Operation, Code: refusal.Code(), Count: 1}
		if err := log.Observe(enter(ctx, c), "command", fact); err != nil {
			logger.ErrorContext(ctx, "a refusal was not recorded", "operation", c.Operation, "error", err)
		}
	}
}

// live asks the fold whether what a caller's token descends from still stands.
func live(fold *lineage.Fold, clock func() time.Time) func(context.Context, principal.Principal) error {
	wait := frontier{fold}
	return func(ctx context.Context, p principal.Principal) error {
		claim, ok := claimOf(p)
		if !ok {
			return nil
		}
		if err := wait.WaitFor(ctx, claim.Shown()); err != nil {
			if errors.Is(err, eventlog.ErrBehind) {
				return refusals.Refuse(err)
			}
			return err
		}
		return fold.LiveClaim(claim, clock())
	}
}

// claimOf is the descent of a token: of a person's, the session it acts in and the person; of a client's, its
// application. A service speaks for itself alone, by its key.
func claimOf(p principal.Principal) (lineage.Claim, bool) {
	token := lineage.Claim{Ref: lineage.Ref{Kind: "token", ID: p.TokenID}, Seen: p.Seen, Expires: p.Expires}
	switch p.Kind {
	case principal.Person:
		person := lineage.Ref{Kind: "person", ID: p.ID}
		if p.Session == "" {
			token.Ancestors = []lineage.Ref{person}
			break
		}
		token.From = []lineage.Claim{{
			Ref: lineage.Ref{Kind: "session", ID: p.Session}, Seen: p.SessionSeen, Expires: p.Expires, Ancestors: []lineage.Ref{person},
		}}
	case principal.Client:
		if p.Application == "" {
			return token, false
		}
		token.Ancestors = []lineage.Ref{{Kind: "application", ID: p.Application}}
	default:
		return token, false
	}
	return token, true
}
