package identity

import (
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/services/identity/internal/view"
)

// Views are the service's, for the checks every view runs.
func Views(v *eventlog.Vault) []projection.View { return view.All(opening(v)) }
