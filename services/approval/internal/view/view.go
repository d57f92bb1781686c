// Package view is what approval shows and decides by: one file a read model, which alone writes its table.
package view

import (
	"context"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/libs/projection"
)

// All are approval's views.
func All() []projection.View {
	return []projection.View{organizations, people, roles, products, scopes, applications, requests, grants, deadline.View(1, deadline.FromOptions("approval"))}
}

// Activity are those of ACTIVITY.
func Activity() []projection.View { return []projection.View{uses} }

// Views reads them.
type Views struct{ projection.Reader }

// Rows are the newest rows, or those of one snapshot.
type Rows struct{ projection.Rows }

// Now reads the newest rows.
func (v Views) Now() Rows { return Rows{v.Reader.Now()} }

// At reads rows of one snapshot that includes everything up to position, and says which position it stands for.
func (v Views) At(ctx context.Context, position uint64, read func(Rows) error) (seen uint64, err error) {
	return v.Reader.At(ctx, position, func(rows projection.Rows) error { return read(Rows{rows}) })
}
