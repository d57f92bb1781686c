package api

import (
	"context"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/services/registry/internal/product"
	"github.com/chancery-dev/chancery/services/registry/internal/view"
)

type limitsRequest struct {
	Object
	Body struct {
		Limits []view.Limit `json:"limits" maxItems:"4" doc:"All limits of the product; none takes them all away"`
	}
}

func (s *Service) setLimits(ctx context.Context, in limitsRequest) (endpoint.Answer[endpoint.Receipt], error) {
	command := product.SetLimits{}
	for _, l := range in.Body.Limits {
		command.Limits = append(command.Limits, product.Limit{Name: l.Name, Per: l.Per, Calls: l.Calls, WindowSeconds: l.WindowSeconds})
	}
	out, err := s.Products.Handle(ctx, in.ID, command)
	return done(in.ID, out, err)
}
