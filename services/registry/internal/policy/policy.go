// Package policy is what the registry does by itself when others' facts arrive.
package policy

import (
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/services/registry/internal/application"
	"github.com/chancery-dev/chancery/services/registry/internal/product"
	"github.com/chancery-dev/chancery/services/registry/internal/version"
	"github.com/chancery-dev/chancery/services/registry/internal/view"
)

// Policies are what they decide on and look at.
type Policies struct {
	Views        view.Views
	Applications eventlog.Repository[application.State]
	Products     eventlog.Repository[product.State]
	Versions     eventlog.Repository[version.State]
	Clock        func() time.Time
}

// All are the registry's policies.
func (p Policies) All() []projection.Policy {
	return []projection.Policy{
		{Name: "person_left", On: p.onPersonLeft},
		{Name: "organization_closed", On: p.onOrganizationClosed},
	}
}

// settled is nil for the refusal that says that what was to be done is so already.
func settled(err, already error) error {
	if errors.Is(err, already) {
		return nil
	}
	return err
}
