package api

import (
	"context"

	"github.com/chancery-dev/chancery/services/approval/internal/pack"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
	"github.com/chancery-dev/chancery/services/approval/internal/view"
)

// worldOf is what the rows say of those a request concerns. What stands on facts from before the application's last
// ending is not of this world any more: seen is the position the request rested on, or the rows' own for a new one.
func worldOf(ctx context.Context, rows view.Rows, applicationID, productID string, seen uint64) (w request.World, scopes []view.Scope, err error) {
	a, err := rows.Application(ctx, applicationID)
	if err != nil {
		return w, nil, err
	}
	o, err := rows.Organization(ctx, a.OrganizationID)
	if err != nil {
		return w, nil, err
	}
	p, err := rows.Product(ctx, productID)
	if err != nil {
		return w, nil, err
	}
	if scopes, err = rows.Scopes(ctx, p.VersionID); err != nil {
		return w, nil, err
	}
	w.Application = request.Application{ID: a.ID, OrganizationID: a.OrganizationID, Environment: a.Environment, Owners: a.Owners(),
		Active: !a.Suspended && !a.Stopped && seen >= a.EndedAt}
	w.Organization = request.Organization{Open: o.ID != "" && !o.Suspended && o.EndedAt == 0, Verified: o.Verified}
	w.Product = request.Product{ID: p.ID, Class: p.Class, Offered: p.Offered(a.OrganizationID)}
	for _, s := range scopes {
		w.Product.Scopes = append(w.Product.Scopes, s.Name)
	}
	return w, scopes, nil
}

// demanded is what the policy in force demands of the scopes asked for.
func demanded(w request.World, all []view.Scope, asked []string) pack.Verdict {
	risk := map[string]string{}
	for _, s := range all {
		risk[s.Name] = s.Risk
	}
	var risks []string
	for _, name := range asked {
		risks = append(risks, risk[name])
	}
	return pack.Decide(pack.Subject{Class: w.Product.Class, Environment: w.Application.Environment, Risk: pack.Highest(risks)})
}
