// Package view holds issuance's read models, each with its table, what writes it and what reads it.
package view

import (
	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/libs/projection"
)

// All are the views of EVENTS, Activity those of ACTIVITY.
var (
	All      = []projection.View{credentials, consents, rotations, signals, streams, deadline.View(1, deadline.FromOptions("issuance"))}
	Activity = []projection.View{uses, rhythms, scopeUses}
)

// Rows reads the views.
type Rows struct{ DB *sqlx.DB }
