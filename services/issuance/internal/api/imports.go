package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/fingerprints"
)

var (
	importKeys  = principal.For("credential.import", principal.OrgAdmin).WithStepUp()
	errWeak     = errors.New("the secret is too weak to be taken over: shorter than 20 characters or too easily guessed")
	errOurs     = errors.New("the secret was made by this service and cannot be imported")
	errTwice    = errors.New("the secret is shared by several consumers; each needs its own")
	errHeld     = errors.New("the secret belongs to another credential already")
	errNoGrant  = errors.New("no such grant of the organisation")
	errNoSunset = errors.New("an imported secret needs an expiry")
)

// importSpace makes the ids of imported credentials of what they were called where they come from.
var importSpace = uuid.MustParse("0c6f5b9e-53f0-5a8c-8a4c-3f2f0b1f7d10")

var importRefusals = problem.Map{
	errWeak:     {Kind: problem.Invalid, Code: "secret_weak"},
	errOurs:     {Kind: problem.Invalid, Code: "secret_ours"},
	errTwice:    {Kind: problem.Invalid, Code: "secret_shared"},
	errHeld:     {Kind: problem.Conflict, Code: "secret_held"},
	errNoGrant:  {Kind: problem.NotFound, Code: "not_found"},
	errNoSunset: {Kind: problem.Invalid, Code: "expiry_missing"},
}

type importRequest struct {
	Body struct {
		Source string `json:"source" enum:"csv,kong,keycloak" doc:"The system the secrets come from"`
		DryRun bool   `json:"dry_run,omitempty" doc:"Say what would happen, and do nothing"`
		Keys   []struct {
			SourceID  string    `json:"source_id" minLength:"1" maxLength:"200" doc:"What the secret is called where it comes from; the same again changes nothing"`
			GrantID   string    `json:"grant_id" format:"uuid" doc:"The approved grant it shall work under"`
			Kind      string    `json:"kind" enum:"api_key,client_secret"`
			Name      string    `json:"name" minLength:"1" maxLength:"80"`
			Secret    string    `json:"secret" minLength:"1" maxLength:"1024"`
			ExpiresAt time.Time `json:"expires_at" doc:"Its last day, within grant and class"`
		} `json:"keys" minItems:"1" maxItems:"500"`
	}
}

type importedKey struct {
	SourceID     string `json:"source_id"`
	CredentialID string `json:"credential_id"`
	Outcome      string `json:"outcome" enum:"imported,would_import,known,refused"`
	Code         string `json:"code,omitempty" doc:"Why it was refused, for a program"`
	Reason       string `json:"reason,omitempty" doc:"Why it was refused, for a person"`
}

type importAnswer struct {
	Items    []importedKey `json:"items"`
	Position uint64        `json:"position"`
}

// ImportDeps is what taking secrets over acts through besides.
type ImportDeps struct {
	Known *fingerprints.Index
	Tail  func(context.Context) (uint64, error)
}

type importDoor struct {
	*api
	ImportDeps
}

// ImportRoutes declares how secrets of other systems are taken over.
func ImportRoutes(e *endpoint.API, d Deps, i ImportDeps) {
	e.Refusals(importRefusals)
	x := &importDoor{&api{d}, i}
	endpoint.Route(e, importKeys, endpoint.Operation{Method: "POST", Path: "/v1/imports", Summary: "Take over secrets of another system under approved grants", Status: http.StatusOK,
		Reach: "grants of the own organisation", MaxBody: 2 << 20, Timeout: time.Minute, Limits: endpoint.Limits{Person: endpoint.Rate{Count: 30, Per: time.Minute}, Organization: endpoint.Rate{Count: 60, Per: time.Minute}}}, x.take)
}

// take decides of each secret by itself, and tells of each: none is left out silently.
func (x *importDoor) take(ctx context.Context, in importRequest) (endpoint.Answer[importAnswer], error) {
	tail, err := x.Tail(ctx)
	if err != nil {
		return endpoint.Answer[importAnswer]{}, err
	}
	if err := x.Fold.WaitFor(ctx, tail); err != nil {
		return endpoint.Answer[importAnswer]{}, err
	}
	uses := map[string]int{}
	for _, k := range in.Body.Keys {
		uses[k.Secret]++
	}
	caller := principal.Caller(ctx)
	answer := importAnswer{Items: make([]importedKey, len(in.Body.Keys))}
	for n, k := range in.Body.Keys {
		id := uuid.NewSHA1(importSpace, []byte(caller.Organization+"\x00"+in.Body.Source+"\x00"+k.SourceID)).String()
		item := importedKey{SourceID: k.SourceID, CredentialID: id}
		sum := x.Fingerprints.Of(k.Secret)
		err := sound(k.Secret, uses[k.Secret])
		held, known := x.Known.Find(sum)
		switch {
		case err != nil:
		case known && held.CredentialID == id:
			item.Outcome = "known"
			answer.Items[n] = item
			continue
		case known:
			err = errHeld
		case k.ExpiresAt.IsZero():
			err = errNoSunset
		}
		if err == nil {
			hint := k.Secret[:4] + "…"
			item.Outcome, answer.Position, err = x.one(ctx, id, in.Body.DryRun, answer.Position, k.GrantID, credential.Issue{
				Kind: k.Kind, Name: k.Name, ExpiresAt: k.ExpiresAt.UTC(), ImportedFrom: in.Body.Source, Secret: credential.Secret{Hint: hint, Fingerprint: sum[:]},
			})
		}
		if err != nil {
			var refusal *problem.Error
			if !errors.As(problem.Merge(refusals, importRefusals).Refuse(err), &refusal) || refusal.Kind() == problem.Unavailable {
				return endpoint.Answer[importAnswer]{}, err // what was taken over stays; the same request goes on from there
			}
			item.Outcome, item.Code, item.Reason = "refused", refusal.Code(), refusal.Sentence()
		}
		answer.Items[n] = item
	}
	return endpoint.At(answer.Position, answer), nil
}

func (x *importDoor) one(ctx context.Context, id string, dry bool, before uint64, grantID string, c credential.Issue) (string, uint64, error) {
	caller, now := principal.Caller(ctx), x.Now().UTC().Truncate(time.Second)
	note := x.Standing.Authorization(grantID)
	if !note.Opened || note.Organization != caller.Organization {
		return "", before, errNoGrant
	}
	build := func(ctx context.Context, tail uint64) (aggregate.Command[credential.State], uint64, error) {
		allow, at, err := x.allowance(ctx, caller, grantID, tail)
		c.Allowance, c.Now = allow, now
		return c, at, err
	}
	if dry {
		state, tail, err := x.Credentials.Load(ctx, id)
		if err != nil {
			return "", before, err
		}
		cmd, _, err := build(ctx, tail)
		if err == nil {
			_, err = cmd.Decide(state)
		}
		return "would_import", before, err
	}
	m := eventlog.MetaFrom(ctx)
	m.CommandID = uuid.NewSHA1(importSpace, []byte(m.CommandID+"/"+id)).String()
	out, err := x.Credentials.HandleWith(eventlog.WithMeta(ctx, m), id, build)
	return "imported", max(before, out.Position), err
}

// sound refuses secrets that others may know or guess.
func sound(value string, uses int) error {
	if _, err := secret.Parse(value); err == nil {
		return errOurs
	}
	switch {
	case uses > 1:
		return errTwice
	case len(value) < 20, entropy(value) < 64:
		return errWeak
	}
	return nil
}

// entropy is at most how many bits the characters of a text say, as if each were drawn from those that occur in it.
func entropy(value string) float64 {
	counts := map[rune]int{}
	total := 0
	for _, r := range value {
		counts[r]++
		total++
	}
	var bits float64
	for _, n := range counts {
		p := float64(n) / float64(total)
		bits -= p * math.Log2(p)
	}
	return bits * float64(total)
}
