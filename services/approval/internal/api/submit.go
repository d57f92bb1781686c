package api

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	"github.com/chancery-dev/chancery/services/approval/internal/pack"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

// TimeToDecide is how long reviewers have.
const TimeToDecide = 14 * 24 * time.Hour

// Asked is what a request asks for.
type Asked struct {
	ApplicationID string   `json:"application_id" minLength:"1" maxLength:"64"`
	ProductID     string   `json:"product_id" minLength:"1" maxLength:"64"`
	Scopes        []string `json:"scopes" minItems:"1" maxItems:"100" doc:"Exact names; there are no wildcards"`
	DurationDays  int      `json:"duration_days" minimum:"1" maximum:"366" doc:"How long the access shall last"`
}

type submitRequestBody struct {
	Body struct {
		Asked
		Justification string `json:"justification" minLength:"1" maxLength:"2000" doc:"Why the access is needed"`
	}
}

type previewRequestBody struct {
	Body struct {
		Asked
		Justification string `json:"justification,omitempty" maxLength:"2000"`
	}
}

// Submitted is a request as it was taken in.
type Submitted struct {
	endpoint.Receipt
	Clauses       []view.Clause `json:"clauses" doc:"Seats to fill; none means that the policy decided alone"`
	Policy        string        `json:"policy"`
	DecidedBy     string        `json:"decided_by" enum:"policy,people"`
	ContentDigest string        `json:"content_digest"`
}

// Preview is what a request would need.
type Preview struct {
	Clauses   []view.Clause `json:"clauses"`
	Policy    string        `json:"policy"`
	DecidedBy string        `json:"decided_by" enum:"policy,people"`
	Reasons   []string      `json:"reasons" doc:"Rules of the policy that demand the reviews"`
}

func (s *Service) submission(ctx context.Context, rows view.Rows, asked Asked, justification string) (request.Submit, pack.Verdict, error) {
	caller := principal.Caller(ctx)
	w, scopes, err := worldOf(ctx, rows, asked.ApplicationID, asked.ProductID, math.MaxUint64)
	if err == nil && w.Application.OrganizationID != caller.Organization {
		err = problem.NotFoundError()
	}
	if err != nil {
		return request.Submit{}, pack.Verdict{}, err
	}
	verdict, now := demanded(w, scopes, asked.Scopes), s.Clock()
	return request.Submit{
		World: w, RequesterID: caller.ID, Scopes: asked.Scopes, Duration: time.Duration(asked.DurationDays) * 24 * time.Hour,
		Justification: justification, Clauses: verdict.Clauses, Policy: pack.Name, Now: now, DecideBefore: now.Add(TimeToDecide),
	}, verdict, nil
}

func (s *Service) submitRequest(ctx context.Context, in submitRequestBody) (endpoint.Answer[Submitted], error) {
	id := endpoint.NewID(ctx, "request")
	out, err := decide(ctx, s, s.Requests, id, func(ctx context.Context, rows view.Rows) (aggregate.Command[request.State], error) {
		c, _, err := s.submission(ctx, rows, in.Body.Asked, in.Body.Justification)
		return c, err
	})
	if err != nil {
		return endpoint.Answer[Submitted]{}, err
	}
	return endpoint.At(out.Position, submitted(id, out)), nil
}

// submitted tells of the fact itself, so that a repeat is answered with what stands and not with what would be.
func submitted(id string, out eventlog.Outcome) Submitted {
	answer := Submitted{Receipt: endpoint.Receipt{ID: id, Position: out.Position, Repeated: out.Repeated}}
	for _, fact := range out.Facts {
		if f, ok := fact.(*approvalv1.RequestSubmitted); ok {
			answer.Clauses, answer.DecidedBy = shown(f.Clauses)
			answer.Policy, answer.ContentDigest = f.Policy, f.ContentDigest
		}
	}
	return answer
}

func shown(clauses []*approvalv1.Clause) ([]view.Clause, string) {
	var out []view.Clause
	for _, c := range clauses {
		out = append(out, view.Clause{Seat: c.Seat, Quorum: c.Quorum})
	}
	if len(out) == 0 {
		return out, "policy"
	}
	return out, "people"
}

// previewRequest decides without storing: what a submission would be refused for, this is refused for.
func (s *Service) previewRequest(ctx context.Context, in previewRequestBody) (endpoint.Answer[Preview], error) {
	var answer Preview
	_, err := s.Views.At(ctx, endpoint.CallOf(ctx).Shown, func(rows view.Rows) error {
		c, verdict, err := s.submission(ctx, rows, in.Body.Asked, cmp.Or(in.Body.Justification, "not written yet"))
		if err != nil {
			return err
		}
		answer = Preview{Policy: pack.Name, Reasons: verdict.Reasons}
		answer.Clauses, answer.DecidedBy = shown(verdict.Clauses)
		_, err = c.Decide(request.State{})
		return err
	})
	return endpoint.OK(answer), err
}
