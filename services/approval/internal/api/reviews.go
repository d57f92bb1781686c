package api

import (
	"context"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

type reviewBody struct {
	Object
	Body struct {
		Seat          string `json:"seat" enum:"organization_admin,product_reviewer,security_reviewer"`
		Verdict       string `json:"verdict" enum:"approve,deny"`
		ContentDigest string `json:"content_digest" pattern:"^[0-9a-f]{64}$" doc:"Of the content the reviewer saw"`
		Comment       string `json:"comment,omitempty" maxLength:"2000" doc:"Needed for a denial"`
	}
}

func (s *Service) reviewRequest(ctx context.Context, in reviewBody) (endpoint.Answer[endpoint.Receipt], error) {
	caller := principal.Caller(ctx)
	out, err := decide(ctx, s, s.Requests, in.ID, func(ctx context.Context, rows view.Rows) (aggregate.Command[request.State], error) {
		row, _, err := rows.Request(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		w, _, err := worldOf(ctx, rows, row.ApplicationID, row.ProductID, row.Seen)
		if err != nil {
			return nil, err
		}
		gone, err := rows.Gone(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		authority, err := rows.Authority(ctx, caller.ID, row.OrganizationID, row.ProductID)
		return request.Review{
			Seat: in.Body.Seat, ReviewerID: caller.ID, Verdict: in.Body.Verdict, Digest: in.Body.ContentDigest, Comment: in.Body.Comment,
			Authority: authority, Gone: gone, World: w, Now: s.Clock(),
		}, err
	})
	return done(in.ID, out, err)
}

type withdrawBody struct {
	Object
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

func (s *Service) withdrawRequest(ctx context.Context, in withdrawBody) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := s.Requests.Handle(ctx, in.ID, request.Withdraw{PersonID: principal.Caller(ctx).ID, Reason: in.Body.Reason})
	return done(in.ID, out, err)
}
