// Package view is what the registry shows and decides by: one file a read model, which alone writes its table.
package view

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
)

// All are the registry's views.
func All() []projection.View {
	return []projection.View{organizations, people, products, versions, applications, seats, accesses}
}

// Views reads them from a database.
type Views struct {
	DB *sqlx.DB
	// WaitFor returns once the rows include everything up to a position, or eventlog.ErrBehind.
	WaitFor func(ctx context.Context, position uint64) error
}

// Rows reads the newest rows, or those of one snapshot.
type Rows struct{ q sqlx.QueryerContext }

// Now reads the newest rows.
func (v Views) Now() Rows { return Rows{v.DB} }

// At reads rows of one snapshot that includes what stands at position, and says which position the snapshot stands for.
// When the views do not get there in time the error is eventlog.ErrBehind.
func (v Views) At(ctx context.Context, position uint64, read func(Rows) error) (seen uint64, err error) {
	once := func() error {
		return projection.Read(ctx, v.DB, func(tx *sqlx.Tx, at uint64) error {
			if seen = at; at < position {
				return eventlog.ErrBehind
			}
			return read(Rows{tx})
		})
	}
	if err = once(); !errors.Is(err, eventlog.ErrBehind) {
		return seen, err
	}
	if err = v.WaitFor(ctx, position); err != nil {
		return 0, err
	}
	return seen, once()
}

// each makes a view's Apply of what one fact of an aggregate changes.
func each(apply func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error) func(context.Context, *sqlx.Tx, []eventlog.Recorded) error {
	return func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		for _, r := range batch {
			for _, fact := range r.Facts {
				if fact == nil {
					continue
				}
				if err := apply(ctx, tx, r, r.Envelope.GetSubject().GetId(), fact); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// exec runs one statement.
func exec(ctx context.Context, tx *sqlx.Tx, query string, args ...any) error {
	_, err := tx.ExecContext(ctx, query, args...)
	return err
}

// one reads one row; false if there is none.
func (r Rows) one(ctx context.Context, into any, query string, args ...any) (bool, error) {
	err := sqlx.GetContext(ctx, r.q, into, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (r Rows) many(ctx context.Context, into any, query string, args ...any) error {
	return sqlx.SelectContext(ctx, r.q, into, query, args...)
}

func utc(times ...*time.Time) {
	for _, t := range times {
		if t != nil {
			*t = t.UTC()
		}
	}
}
