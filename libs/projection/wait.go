package projection

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

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

// WaitFor is Runner.WaitFor for who has only the database: it looks at the checkpoint until it has reached position.
func WaitFor(ctx context.Context, db *sqlx.DB, position uint64) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for {
		var at uint64
		err := db.GetContext(ctx, &at, `select seq from projection_checkpoints where name='events'`)
		switch {
		case err == nil && at >= position:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%w: at %d of %d", eventlog.ErrBehind, at, position)
		case err != nil:
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// Read runs f on one snapshot of the views and tells it the position the snapshot stands for: what a decision that rests
// on rows has seen.
func Read(ctx context.Context, db *sqlx.DB, f func(tx *sqlx.Tx, at uint64) error) error {
	tx, err := db.BeginTxx(ctx, readOnly)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var at uint64
	if err := tx.GetContext(ctx, &at, `select seq from projection_checkpoints where name='events'`); err != nil {
		return err
	}
	return f(tx, at)
}
