// Package view holds identity's read models, each with its table, what writes it and what reads it. They hold the opened
// names of people, which an erasure takes out again.
package view

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
)

// Open fills in the sealed values of a record; what was erased stays empty.
type Open func(context.Context, eventlog.Recorded) (eventlog.Recorded, error)

// All are identity's views.
func All(open Open) []projection.View {
	return []projection.View{Organizations, Roles, People(open), SignalSources}
}

// Rows reads the views.
type Rows struct{ DB *sqlx.DB }

// each applies every known fact of a batch in order.
func each(batch []eventlog.Recorded, apply func(eventlog.Recorded, aggregate.Event) error) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			if fact == nil {
				continue
			}
			if err := apply(r, fact); err != nil {
				return err
			}
		}
	}
	return nil
}

// one is false, without an error, where there is no row.
func one(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
