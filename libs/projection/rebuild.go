package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// replay applies to one view what stands between its own position and the checkpoint all others have reached.
func (r *Runner) replay(ctx context.Context, v View, from, to uint64) error {
	r.Logger.InfoContext(ctx, "rebuilding a view", "view", v.Name, "version", v.Version, "from", from, "to", to)
	gone, err := r.gone(ctx, to)
	if err != nil {
		return err
	}
	if from < to && !gone {
		err := r.Follow(ctx, from, func(ctx context.Context, batch []eventlog.Recorded) error {
			r.rebuilding(fmt.Errorf("%w: %s is at %d of %d", ErrRebuilding, v.Name, from, to))
			last := batch[len(batch)-1].Sequence
			if batch = until(batch, to); len(batch) > 0 {
				if err := r.replayed(ctx, v, batch, from); err != nil {
					return err
				}
				from = batch[len(batch)-1].Sequence
			}
			if last >= to {
				return eventlog.ErrStop
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return r.moveView(ctx, r.DB, v, from, to)
}

// gone is true when the stream keeps nothing any more of what stood at or before position.
func (r *Runner) gone(ctx context.Context, position uint64) (bool, error) {
	if r.First == nil {
		return false, nil
	}
	first, err := r.First(ctx)
	return first > position, err
}

func (r *Runner) replayed(ctx context.Context, v View, batch []eventlog.Recorded, from uint64) error {
	if r.Name == events && batch[0].Sequence != from+1 {
		return fmt.Errorf("%w: #%d after #%d", errGap, batch[0].Sequence, from)
	}
	err := r.replayedWhole(ctx, v, batch, from)
	if err == nil || ctx.Err() != nil || errors.Is(err, errChanged) || r.passing(ctx, err) {
		return err
	}
	for len(batch) > 0 {
		one := until(batch, batch[0].Sequence)
		if err := r.replayedWhole(ctx, v, one, from); err != nil {
			return err
		}
		from, batch = one[0].Sequence, batch[len(one):]
	}
	return nil
}

func (r *Runner) replayedWhole(ctx context.Context, v View, batch []eventlog.Recorded, from uint64) error {
	tx, err := r.DB.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	// Rows and checkpoint are lost together or not at all, and the log has what they were made of.
	if _, err := tx.ExecContext(ctx, `set local synchronous_commit = off`); err != nil {
		return err
	}
	if err := r.moveView(ctx, tx, v, from, batch[len(batch)-1].Sequence); err != nil {
		return err
	}
	if err := v.apply(ctx, tx, batch); err != nil {
		return err
	}
	return tx.Commit()
}

// moveView moves a view's own position; whoever comes second has to begin again.
func (r *Runner) moveView(ctx context.Context, db sqlx.ExecerContext, v View, from, to uint64) error {
	res, err := db.ExecContext(ctx, `update projection_views set seq=$1 where name=$2 and version=$3 and seq=$4 and not complete`, to, v.Name, v.Version, from)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil {
		return err
	} else if n != 1 {
		return errChanged
	}
	return nil
}

// Rebuild empties a view. The instances that run notice within a second and replay it; if none does, the next will.
func Rebuild(ctx context.Context, db *sqlx.DB, v View) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var source string
	err = tx.GetContext(ctx, &source, `select source from projection_views where name=$1`, v.Name)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("there is no view %s", v.Name)
	}
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update projection_checkpoints set fingerprint='' where name=$1`, source); err != nil {
		return err
	}
	if err := create(ctx, tx, v, source); err != nil {
		return err
	}
	return tx.Commit()
}
