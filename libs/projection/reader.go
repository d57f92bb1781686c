package projection

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
)

// Each makes a view's Apply of what one fact of one aggregate changes.
func Each(apply func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error) func(context.Context, *sqlx.Tx, []eventlog.Recorded) error {
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

// Exec runs one statement of a view.
func Exec(ctx context.Context, tx *sqlx.Tx, query string, args ...any) error {
	_, err := tx.ExecContext(ctx, query, args...)
	return err
}

// Rows reads what a service's views hold: the newest of it, or that of one snapshot.
type Rows struct{ q sqlx.QueryerContext }

// One reads one row; false if there is none.
func (r Rows) One(ctx context.Context, into any, query string, args ...any) (bool, error) {
	err := sqlx.GetContext(ctx, r.q, into, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Many reads all rows of a query.
func (r Rows) Many(ctx context.Context, into any, query string, args ...any) error {
	return sqlx.SelectContext(ctx, r.q, into, query, args...)
}

// Reader gives rows to operations and policies.
type Reader struct {
	DB *sqlx.DB
	// WaitFor returns once the rows include everything up to a position, or eventlog.ErrBehind.
	WaitFor func(ctx context.Context, position uint64) error
}

// Now reads the newest rows.
func (r Reader) Now() Rows { return Rows{r.DB} }

// At reads rows of one snapshot that includes everything up to position, and says which position the snapshot stands for:
// what a decision that rests on them has seen. When the views do not get there in time the error is eventlog.ErrBehind.
func (r Reader) At(ctx context.Context, position uint64, read func(Rows) error) (seen uint64, err error) {
	once := func() error {
		return Read(ctx, r.DB, func(tx *sqlx.Tx, at uint64) error {
			if seen = at; at < position {
				return eventlog.ErrBehind
			}
			return read(Rows{tx})
		})
	}
	if err = once(); !errors.Is(err, eventlog.ErrBehind) {
		return seen, err
	}
	if err = r.WaitFor(ctx, position); err != nil {
		return 0, err
	}
	return seen, once()
}

// JSON is a value in a jsonb column.
type JSON[T any] struct{ V T }

// Value writes it.
func (j JSON[T]) Value() (driver.Value, error) { return json.Marshal(j.V) }

// Scan reads it.
func (j *JSON[T]) Scan(from any) error {
	raw, ok := from.([]byte)
	if !ok {
		return errors.New("a jsonb column that holds no bytes")
	}
	return json.Unmarshal(raw, &j.V)
}

// UTC brings times a database answered to the zone all answers are in.
func UTC(times ...*time.Time) {
	for _, t := range times {
		if t != nil {
			*t = t.UTC()
		}
	}
}
