package registry

import "github.com/chancery-dev/chancery/services/registry/internal/view"

// Views are the service's, for the checks every view runs.
var Views = view.All
