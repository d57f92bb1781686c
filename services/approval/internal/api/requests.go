package api

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

type requestsQuery struct {
	endpoint.Paging
	Box           string `query:"box" enum:"mine,to_review,decided" doc:"mine: the own organisation's; to_review: those the caller may review now; decided: those within reach that are decided"`
	State         string `query:"state" enum:"submitted,in_review,approved,denied,withdrawn,expired"`
	ApplicationID string `query:"application_id" maxLength:"64"`
}

func (s *Service) listRequests(ctx context.Context, in requestsQuery) (endpoint.Answer[endpoint.Page[view.Request]], error) {
	var before uint64
	if err := in.Cursor(&before); err != nil {
		return endpoint.Answer[endpoint.Page[view.Request]]{}, err
	}
	caller := principal.Caller(ctx)
	filter := view.RequestFilter{ApplicationID: in.ApplicationID, State: in.State, Decided: in.Box == "decided"}
	switch {
	case in.Box == "to_review":
		filter.Waiting = s.waiting(caller)
	case in.Box != "mine" && caller.Has(answerers...):
		filter.ProviderID = caller.Organization
	default:
		filter.OrganizationID = caller.Organization
	}
	rows, err := s.Views.Now().Requests(ctx, filter, before, in.Fetch())
	return endpoint.List(in.Paging, rows, func(r view.Request) any { return r.Position }), err
}

func (s *Service) waiting(p principal.Principal) *view.Waiting {
	of := func(role string) string {
		if p.Has(role) {
			return p.Organization
		}
		return ""
	}
	return &view.Waiting{PersonID: p.ID, AdminOf: of(principal.OrgAdmin), ReviewerOf: of(principal.Reviewer), SecurityOf: of(principal.SecurityReviewer), Now: s.Clock()}
}

// RequestDetail is one request with what was said about it and what the caller may do.
type RequestDetail struct {
	view.Request
	Content       Content          `json:"content" doc:"What a review is of, exactly"`
	Justification string           `json:"justification,omitempty"`
	Reason        string           `json:"reason,omitempty" doc:"Why it was denied or withdrawn"`
	Timeline      []Moment         `json:"timeline"`
	Allowed       endpoint.Allowed `json:"allowed" doc:"review:<seat> for each seat, review for any, withdraw"`
}

// Content is what is asked for; content_digest is of its canonical JSON.
type Content struct {
	ApplicationID   string   `json:"application_id"`
	Class           string   `json:"class"`
	DurationSeconds uint64   `json:"duration_seconds"`
	Environment     string   `json:"environment"`
	OrganizationID  string   `json:"organization_id"`
	ProductID       string   `json:"product_id"`
	Scopes          []string `json:"scopes"`
}

// Moment is one thing that happened to a request.
type Moment struct {
	Type      string    `json:"type" enum:"submitted,reviewed,review_voided,approved,denied,withdrawn,expired,granted"`
	At        time.Time `json:"at"`
	ActorID   string    `json:"actor_id,omitempty"`
	ActorKind string    `json:"actor_kind,omitempty"`
	Seat      string    `json:"seat,omitempty"`
	Verdict   string    `json:"verdict,omitempty"`
	Text      string    `json:"text,omitempty" doc:"What was written"`
}

func (s *Service) showRequest(ctx context.Context, in Object) (endpoint.Answer[RequestDetail], error) {
	var none endpoint.Answer[RequestDetail]
	row, _, err := s.Views.Now().Request(ctx, in.ID)
	if err != nil {
		return none, err
	}
	d := RequestDetail{Request: row, Content: Content{ApplicationID: row.ApplicationID, Class: row.Class, DurationSeconds: row.DurationSeconds,
		Environment: row.Environment, OrganizationID: row.OrganizationID, ProductID: row.ProductID, Scopes: row.Scopes}}
	if err := s.tell(ctx, &d); err != nil {
		return none, err
	}
	if row.GrantID != "" {
		g, ok, err := s.Views.Now().Grant(ctx, row.GrantID)
		if err != nil {
			return none, err
		}
		if ok {
			d.Timeline = append(d.Timeline, Moment{Type: "granted", At: g.ActivatedAt, ActorKind: "service"})
		}
	}
	d.Allowed, err = s.allowedOnRequest(ctx, in.ID, row)
	return endpoint.OK(d), err
}

// tell reads the request's history from the log, where people's words are kept sealed; erased ones stay empty.
func (s *Service) tell(ctx context.Context, d *RequestDetail) error {
	records, err := s.Requests.Log.Read(ctx, s.Requests.Log.Subject("request", d.ID))
	if err != nil {
		return err
	}
	for _, r := range records {
		opened, _, err := s.Opener.Open(ctx, r)
		if err != nil {
			return err
		}
		for _, fact := range opened.Facts {
			m := Moment{At: r.Time.UTC(), ActorID: r.Envelope.GetActor().GetId(), ActorKind: r.Envelope.GetActor().GetKind()}
			switch f := fact.(type) {
			case *approvalv1.RequestSubmitted:
				m.Type, m.Text, d.Justification = "submitted", f.Justification, f.Justification
			case *approvalv1.RequestReviewed:
				m.Type, m.Seat, m.Verdict, m.Text = "reviewed", f.Seat, f.Verdict, f.Comment
				comment(d.Clauses, f)
			case *approvalv1.RequestReviewVoided:
				m.Type, m.Seat = "review_voided", f.Seat
			case *approvalv1.RequestApproved:
				m.Type = "approved"
				if len(f.ReviewerIds) == 0 {
					m.ActorID, m.ActorKind = "", "service"
				}
			case *approvalv1.RequestDenied:
				m.Type, m.Text, d.Reason = "denied", f.Reason, f.Reason
			case *approvalv1.RequestWithdrawn:
				m.Type, m.Text, d.Reason = "withdrawn", f.Reason, f.Reason
			case *approvalv1.RequestExpired:
				m.Type = "expired"
			default:
				continue
			}
			d.Timeline = append(d.Timeline, m)
		}
	}
	return nil
}

func comment(clauses []view.Clause, f *approvalv1.RequestReviewed) {
	for i := range clauses {
		for j := range clauses[i].Reviews {
			if v := &clauses[i].Reviews[j]; clauses[i].Seat == f.Seat && v.PersonID == f.ReviewerId {
				v.Comment = f.Comment
			}
		}
	}
}

func (s *Service) allowedOnRequest(ctx context.Context, id string, row view.Request) (endpoint.Allowed, error) {
	caller, now := principal.Caller(ctx), s.Clock()
	state, _, err := s.Requests.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	authority, err := s.Views.Now().Authority(ctx, caller.ID, row.OrganizationID, row.ProductID)
	if err != nil {
		return nil, err
	}
	allowed := endpoint.Allowed{"withdraw": endpoint.Judge(refusals, withdrawable(caller, state))}
	any := endpoint.Judge(refusals, state.MayReview(request.ProductReviewer, caller.ID, nil, now))
	for i, c := range state.Clauses {
		v := endpoint.Judge(refusals, state.MayReview(c.Seat, caller.ID, authority, now))
		allowed["review:"+c.Seat] = v
		if i == 0 || v.Allowed && !any.Allowed {
			any = v
		}
	}
	allowed["review"] = any
	return allowed, nil
}

func withdrawable(p principal.Principal, state request.State) error {
	if !withdrawing.Allows(p) {
		return errRole
	}
	return state.MayWithdraw(p.ID)
}
