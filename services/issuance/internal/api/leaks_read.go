package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/internal/intake"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

type leakAnswer struct {
	ID            string     `json:"id"`
	Source        string     `json:"source" enum:"github,gitleaks,sarif,trufflehog,batch"`
	ReportedBy    string     `json:"reported_by"`
	State         string     `json:"state" enum:"received,closed"`
	ReceivedAt    time.Time  `json:"received_at"`
	ClosedAt      *time.Time `json:"closed_at,omitempty"`
	DeadAt        *time.Time `json:"dead_at,omitempty" doc:"When every authorizer that was heard of refused every secret of the report"`
	SecondsToDead float64    `json:"seconds_to_dead,omitempty" doc:"From receipt to dead"`
	Confirmed     []string   `json:"confirmed" doc:"Authorizers that had applied it then"`
	Pending       []string   `json:"pending" doc:"Authorizers that had not said so in time"`
}

type leakedAnswer struct {
	CredentialID   string     `json:"credential_id"`
	Generation     uint32     `json:"generation"`
	Name           string     `json:"name"`
	Hint           string     `json:"hint"`
	ApplicationID  string     `json:"application_id"`
	OrganizationID string     `json:"organization_id"`
	Outcome        string     `json:"outcome" enum:"ending,ended,revoked,ended_before"`
	ExposedSince   *time.Time `json:"exposed_since,omitempty" doc:"Absent where nobody knows; the radius then begins with the secret"`
	EndedAt        *time.Time `json:"ended_at,omitempty"`
	Position       uint64     `json:"position,omitempty"`
	Owners         []string   `json:"owners" doc:"Who was given notice"`
	Radius         radius     `json:"blast_radius"`
}

type radius struct {
	Since    time.Time         `json:"since"`
	Requests uint64            `json:"requests" doc:"Calls let through since then, by whole windows of a minute"`
	FirstAt  *time.Time        `json:"first_at,omitempty"`
	LastAt   *time.Time        `json:"last_at,omitempty"`
	Scopes   map[string]uint64 `json:"by_scope"`
	Networks map[string]uint64 `json:"by_network"`
}

type leakDetail struct {
	leakAnswer
	Secrets []leakedAnswer `json:"secrets" doc:"Those within reach, at most 200; the rest after next"`
	Next    string         `json:"next,omitempty"`
}

type leakList struct {
	endpoint.Paging
	ApplicationID string `query:"application_id" maxLength:"64"`
	CredentialID  string `query:"credential_id" maxLength:"64"`
}

type leakKey struct {
	At time.Time `json:"at"`
	ID string    `json:"id"`
}

// reach is the organisation a caller sees leaks of, empty for all.
func reach(p principal.Principal) string {
	if p.Has(everyonesLeaks...) {
		return ""
	}
	return p.Organization
}

// within lets those see a report whose organisation's credential it names.
func (l *leakDoors) within(ctx context.Context, p principal.Principal, id string) error {
	_, found, err := l.Rows.Leak(ctx, id)
	if err != nil || found && reach(p) == "" {
		return err
	}
	if found {
		own, err := l.Rows.LeakedSecrets(ctx, []string{id}, reach(p), "", 1)
		if err != nil || len(own) > 0 {
			return err
		}
	}
	return problem.NotFoundError()
}

func (l *leakDoors) list(ctx context.Context, in leakList) (endpoint.Answer[endpoint.Page[leakAnswer]], error) {
	var key leakKey
	if err := in.Cursor(&key); err != nil {
		return endpoint.Answer[endpoint.Page[leakAnswer]]{}, err
	}
	f := view.LeakFilter{OrganizationID: reach(principal.Caller(ctx)), ApplicationID: in.ApplicationID, CredentialID: in.CredentialID}
	rows, err := l.Rows.Leaks(ctx, f, key.At, key.ID, in.Fetch())
	if err != nil {
		return endpoint.Answer[endpoint.Page[leakAnswer]]{}, err
	}
	recorded := map[string]time.Time{}
	answers := make([]leakAnswer, len(rows))
	for i, row := range rows {
		answers[i], recorded[row.ID] = answerOf(row), row.RecordedAt
	}
	return endpoint.List(in.Paging, answers, func(a leakAnswer) any { return leakKey{recorded[a.ID], a.ID} }), nil
}

func answerOf(row view.Leak) leakAnswer {
	a := leakAnswer{ID: row.ID, Source: row.Source, ReportedBy: row.ReportedBy, State: "received", ReceivedAt: row.ReceivedAt.UTC(),
		ClosedAt: row.ClosedAt, DeadAt: row.DeadAt, Confirmed: row.Confirmed, Pending: row.Pending}
	if row.ClosedAt != nil && row.DeadAt != nil {
		a.State, a.SecondsToDead = "closed", row.DeadAt.Sub(row.ReceivedAt).Seconds()
	}
	return a
}

type leakRequest struct {
	ID    string `path:"id"`
	After string `query:"after" maxLength:"64" doc:"The last credential of the page before"`
}

const secretsPage = 200

func (l *leakDoors) get(ctx context.Context, in leakRequest) (endpoint.Answer[leakDetail], error) {
	var none endpoint.Answer[leakDetail]
	row, found, err := l.Rows.Leak(ctx, in.ID)
	if err != nil {
		return none, err
	}
	if !found {
		return none, problem.NotFoundError()
	}
	secrets, err := l.Rows.LeakedSecrets(ctx, []string{in.ID}, reach(principal.Caller(ctx)), in.After, secretsPage+1)
	if err != nil {
		return none, err
	}
	out := leakDetail{leakAnswer: answerOf(row), Secrets: []leakedAnswer{}}
	if len(secrets) > secretsPage {
		secrets = cut(secrets)
		out.Next = secrets[len(secrets)-1].CredentialID
	}
	radii, err := l.radii(ctx, secrets)
	if err != nil {
		return none, err
	}
	for i, s := range secrets {
		out.Secrets = append(out.Secrets, leakedOf(s, row, radii[i]))
	}
	return endpoint.OK(out), nil
}

// cut ends a page between two credentials, which are what the next one begins after.
func cut(secrets []view.LeakedSecret) []view.LeakedSecret {
	for n := len(secrets) - 1; n > 0; n-- {
		if secrets[n].CredentialID != secrets[n-1].CredentialID {
			return secrets[:n]
		}
	}
	return secrets
}

func leakedOf(s view.LeakedSecret, row view.Leak, r radius) leakedAnswer {
	a := leakedAnswer{CredentialID: s.CredentialID, Generation: s.Generation, Name: s.Name, Hint: s.Hint, ApplicationID: s.ApplicationID, OrganizationID: s.OrganizationID,
		ExposedSince: s.ExposedSince, EndedAt: s.EndedAt, Position: s.EndedPosition, Owners: []string{}, Radius: r}
	for _, owner := range []string{s.OwnerID, s.BackupOwnerID} {
		if owner != "" {
			a.Owners = append(a.Owners, owner)
		}
	}
	switch {
	case s.EndedAt != nil && s.Revoked:
		a.Outcome = "revoked"
	case s.EndedAt != nil:
		a.Outcome = "ended"
	case s.GenerationEndedAt != nil || row.ClosedAt != nil:
		a.Outcome, a.EndedAt = "ended_before", s.GenerationEndedAt
	default:
		a.Outcome = "ending"
	}
	return a
}

// radii is the blast radius of each secret: what it was used for since it lay open, or since there was such a secret.
func (l *leakDoors) radii(ctx context.Context, secrets []view.LeakedSecret) ([]radius, error) {
	ids, generations, since := make([]string, len(secrets)), make([]int64, len(secrets)), make([]time.Time, len(secrets))
	for i, s := range secrets {
		ids[i], generations[i], since[i] = s.CredentialID, int64(s.Generation), s.CreatedAt
		if s.ExposedSince != nil {
			since[i] = *s.ExposedSince
		}
	}
	rows, err := l.Rows.Radii(ctx, ids, generations, since)
	if err != nil {
		return nil, err
	}
	type one struct {
		id         string
		generation int64
	}
	of := map[one]view.Radius{}
	for _, r := range rows {
		of[one{r.CredentialID, int64(r.Generation)}] = r
	}
	out := make([]radius, len(secrets))
	for i := range secrets {
		r := of[one{ids[i], generations[i]}]
		out[i] = radius{Since: since[i].UTC(), Requests: r.Requests, FirstAt: r.FirstAt, LastAt: r.LastAt, Scopes: r.Scopes.V, Networks: r.Networks.V}
		if out[i].Scopes == nil {
			out[i].Scopes, out[i].Networks = map[string]uint64{}, map[string]uint64{}
		}
	}
	return out, nil
}

type leakReceipt struct {
	Receipt string `json:"receipt" doc:"Compact JWS, RFC 7515, by a key of /oauth2/jwks"`
}

var errOpen = problem.New(problem.Conflict, "leak_open", "The report has not come to its end yet.")

func (l *leakDoors) receipt(ctx context.Context, in byID) (endpoint.Answer[leakReceipt], error) {
	var none endpoint.Answer[leakReceipt]
	row, found, err := l.Rows.Leak(ctx, in.ID)
	switch {
	case err != nil:
		return none, err
	case !found:
		return none, problem.NotFoundError()
	case row.ClosedAt == nil || row.DeadAt == nil:
		return none, errOpen
	}
	secrets, err := l.Rows.LeakedSecrets(ctx, []string{in.ID}, reach(principal.Caller(ctx)), "", intake.MaxFindings)
	if err != nil {
		return none, err
	}
	content := intake.Signed{Issuer: l.Issuer, IssuedAt: l.Now().Unix(), Report: row.ID, Source: row.Source, ReceivedAt: row.ReceivedAt.UTC(), DeadAt: row.DeadAt.UTC(),
		Position: row.Position, Confirmed: row.Confirmed, Pending: row.Pending}
	for _, s := range secrets {
		ended := s.EndedAt
		if ended == nil {
			ended = s.GenerationEndedAt
		}
		content.Secrets = append(content.Secrets, intake.SignedSecret{CredentialID: s.CredentialID, Generation: s.Generation, EndedAt: ended, Position: s.EndedPosition})
	}
	signed, err := intake.Sign(ctx, l.Signer, content)
	return endpoint.OK(leakReceipt{Receipt: signed}), err
}
