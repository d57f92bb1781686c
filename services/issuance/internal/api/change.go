package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/internal/applied"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

type rotateRequest struct {
	ID   string `path:"id"`
	Body struct {
		OverlapSeconds   int64  `json:"overlap_seconds" minimum:"0" maximum:"604800" doc:"How long the old secret goes on beside the new one; 0 ends it at once"`
		QuietSeconds     *int64 `json:"quiet_seconds,omitempty" minimum:"0" maximum:"604800" doc:"The old secret ends earlier once it was unused for so long, and for twice the longest pause its consumer ever made, and the new one was seen working; an hour if absent, 0 keeps the whole overlap"`
		ExpiresInSeconds int64  `json:"expires_in_seconds,omitempty" minimum:"60"`
		Reason           string `json:"reason,omitempty" enum:"scheduled,suspected_leak,requested,emergency"`
		HandedIn
	}
}

func (a *api) rotate(ctx context.Context, in rotateRequest) (endpoint.Answer[issued], error) {
	var none endpoint.Answer[issued]
	caller, now := principal.Caller(ctx), a.Now().UTC().Truncate(time.Second)
	s, _, err := a.Credentials.Load(ctx, in.ID)
	if err != nil {
		return none, err
	}
	if err := endpoint.LimitApplication(ctx, s.ApplicationID); err != nil {
		return none, err
	}
	if in.Body.Reason == "emergency" && in.Body.OverlapSeconds != 0 {
		return none, problem.InvalidField("body.overlap_seconds", "overlap_in_emergency", "must be 0 in an emergency: the old secret ends at once")
	}
	m, err := a.read(caller, s.Kind, s.Environment, in.Body.HandedIn)
	if err != nil {
		return none, err
	}
	build := func(ctx context.Context, tail uint64) (aggregate.Command[credential.State], uint64, error) {
		allow, at, err := a.allowance(ctx, caller, s.GrantID, tail)
		if err != nil {
			return nil, 0, err
		}
		expires := expiry(now, in.Body.ExpiresInSeconds, allow)
		brought, err := a.certified(ctx, m, in.ID, expires)
		return credential.Rotate{
			Now: now, ExpiresAt: expires, Overlap: time.Duration(in.Body.OverlapSeconds) * time.Second, Quiet: in.quiet(),
			Reason: in.Body.Reason, Allowance: allow, Secret: brought,
		}, at, err
	}
	if err := a.take(ctx, in.ID, m, s.Organization, build); err != nil {
		return none, err
	}
	out, err := a.Credentials.HandleWith(ctx, in.ID, build)
	if err != nil {
		return none, err
	}
	// Once this is answered the new secret works and, without an overlap, the old one is dead.
	a.Applied.Wait(ctx, out.Position)
	return a.hand(ctx, in.ID, m, out)
}

// quietByDefault is how long an old secret is silent before it may go.
const quietByDefault = time.Hour

func (in rotateRequest) quiet() time.Duration {
	if in.Body.QuietSeconds == nil {
		return quietByDefault
	}
	return time.Duration(*in.Body.QuietSeconds) * time.Second
}

// ended answers what ends a secret, once the authorizers have felt it or their time is over.
type ended struct {
	ID       string `json:"id"`
	Position uint64 `json:"position" doc:"Position of the log at which the command's facts stand"`
	Repeated bool   `json:"repeated,omitempty" doc:"The command had been carried out before under the same Idempotency-Key"`
	applied.Receipt
}

type retireRequest struct {
	ID   string `path:"id"`
	Body struct {
		Generation uint32 `json:"generation" minimum:"1"`
	}
}

func (a *api) retire(ctx context.Context, in retireRequest) (endpoint.Answer[ended], error) {
	return a.decide(ctx, in.ID, credential.Retire{Generation: in.Body.Generation, Reason: "requested"})
}

type revokeRequest struct {
	ID   string `path:"id"`
	Body struct {
		Reason  string `json:"reason" enum:"suspected_leak,no_longer_needed,policy,owner_left"`
		Comment string `json:"comment,omitempty" maxLength:"500"`
	}
}

func (a *api) revoke(ctx context.Context, in revokeRequest) (endpoint.Answer[ended], error) {
	return a.decide(ctx, in.ID, credential.Revoke{Reason: in.Body.Reason, Comment: in.Body.Comment})
}

// decide is for what needs the caller to be an owner and nothing else from outside the credential.
func (a *api) decide(ctx context.Context, id string, cmd aggregate.Command[credential.State]) (endpoint.Answer[ended], error) {
	caller := principal.Caller(ctx)
	s, _, err := a.Credentials.Load(ctx, id)
	if err != nil {
		return endpoint.Answer[ended]{}, err
	}
	out, err := a.Credentials.HandleWith(ctx, id, func(ctx context.Context, tail uint64) (aggregate.Command[credential.State], uint64, error) {
		if everywhere(caller) && s.Organization != caller.Organization {
			at := max(tail, eventlog.MetaFrom(ctx).Shown)
			err := a.Fold.WaitFor(ctx, at)
			return cmd, max(at, a.Fold.Position()), err
		}
		_, at, err := a.allowance(ctx, caller, s.GrantID, tail)
		return cmd, at, err
	})
	if err != nil {
		return endpoint.Answer[ended]{}, err
	}
	return endpoint.At(out.Position, ended{ID: id, Position: out.Position, Repeated: out.Repeated, Receipt: a.Applied.Answer(ctx, out.Position)}), nil
}
