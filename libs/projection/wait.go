package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// Patience is how long a read waits for its view to reach a position.
const Patience = 2 * time.Second

// WaitFor returns once this instance's views have reached position, or after Patience eventlog.ErrBehind.
func (r *Runner) WaitFor(ctx context.Context, position uint64) error {
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	return r.wait(ctx, position, deadline.C)
}

func (r *Runner) wait(ctx context.Context, position uint64, deadline <-chan time.Time) error {
	for {
		r.mu.Lock()
		if r.at >= position {
			r.mu.Unlock()
			return nil
		}
		at := r.at
		if r.moved == nil {
			r.moved = make(chan struct{})
		}
		moved := r.moved
		r.mu.Unlock()
		select {
		case <-moved:
		case <-deadline:
			return fmt.Errorf("%w: at %d of %d", eventlog.ErrBehind, at, position)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// complete is how far all views of EVENTS are: nowhere while one is rebuilt.
const complete = `select case when fingerprint='' then 0 else seq end from projection_checkpoints where name='events'`

// WaitFor is Runner.WaitFor for who has only the database: it looks at the checkpoint until it has reached position.
func WaitFor(ctx context.Context, db *sqlx.DB, position uint64) error {
	waiting, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	b := backoff{limit: 50 * time.Millisecond}
	for {
		var at uint64
		err := db.GetContext(waiting, &at, complete)
		switch {
		case err == nil && at >= position:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !unprepared(err) && waiting.Err() == nil:
			return err
		}
		if b.wait(waiting) != nil && ctx.Err() == nil {
			return fmt.Errorf("%w: at %d of %d", eventlog.ErrBehind, at, position)
		}
	}
}

// unprepared is true while no runner has made the views yet.
func unprepared(err error) bool {
	var pg *pq.Error
	return errors.Is(err, sql.ErrNoRows) || (errors.As(err, &pg) && pg.Code == "42P01")
}

var readOnly = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}

// Read runs f on one snapshot of the views and tells it the position the snapshot stands for: what a decision that rests
// on rows has seen. While a view is rebuilt it refuses with eventlog.ErrBehind.
func Read(ctx context.Context, db *sqlx.DB, f func(tx *sqlx.Tx, at uint64) error) error {
	tx, err := db.BeginTxx(ctx, readOnly)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var s standing
	err = tx.GetContext(ctx, &s, `select seq, fingerprint from projection_checkpoints where name='events'`)
	if unprepared(err) || (err == nil && s.Fingerprint == "") {
		return fmt.Errorf("%w: %w", eventlog.ErrBehind, ErrRebuilding)
	}
	if err != nil {
		return err
	}
	return f(tx, s.Seq)
}
