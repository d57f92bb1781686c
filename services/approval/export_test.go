package approval

import "github.com/chancery-dev/chancery/services/approval/internal/view"

// Views are the service's, for the checks every view runs.
var Views = view.All
