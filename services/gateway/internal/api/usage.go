package api

import (
	"context"
	"math"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
)

type usageQuery struct {
	ApplicationID string `query:"application_id" required:"true" minLength:"1" maxLength:"64"`
	ProductID     string `query:"product_id" required:"true" minLength:"1" maxLength:"64"`
}

// Usage is what a consumer has left of the limits of a product.
type Usage struct {
	ApplicationID string  `json:"application_id"`
	ProductID     string  `json:"product_id"`
	Limits        []Limit `json:"limits" doc:"None if the product has none"`
}

// Limit is how one limit stands.
type Limit struct {
	Name          string `json:"name"`
	Per           string `json:"per" enum:"application,organization"`
	Calls         uint64 `json:"calls"`
	WindowSeconds uint64 `json:"window_seconds"`
	Remaining     uint64 `json:"remaining" doc:"As far as this authorizer has heard, a moment ago"`
	ResetSeconds  int64  `json:"reset_seconds" doc:"Until the window is over"`
}

func (a *api) usage(ctx context.Context, in usageQuery) (endpoint.Answer[Usage], error) {
	caller := principal.Caller(ctx)
	organization, limits, ok := a.Fold.Limited(in.ApplicationID, in.ProductID)
	if !ok || organization != caller.Organization && !caller.Has(all...) {
		return endpoint.Answer[Usage]{}, problem.NotFoundError()
	}
	u := Usage{ApplicationID: in.ApplicationID, ProductID: in.ProductID, Limits: []Limit{}}
	for _, l := range a.Quota.Standing(in.ProductID, in.ApplicationID, organization, limits) {
		u.Limits = append(u.Limits, Limit{l.Limit.Name, l.Limit.Per, l.Limit.Calls, l.Limit.Window, l.Remaining, int64(math.Ceil(l.Reset.Seconds()))})
	}
	return endpoint.OK(u), nil
}
