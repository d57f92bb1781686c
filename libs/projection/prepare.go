package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

var readOnly = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}

const tables = `
create table if not exists projection_checkpoints (
	name text primary key, seq bigint not null, moved_at timestamptz not null default now());
create table if not exists projection_views (
	name text primary key, version integer not null, seq bigint not null, complete boolean not null);
create table if not exists projection_policies (
	name text primary key, seq bigint not null)`

// errBusy says that another instance is at the same preparation.
var errBusy = errors.New("another instance prepares the views")

// prepare creates what is missing and replays what has a new version up to the checkpoint.
func (r *Runner) prepare(ctx context.Context) error {
	conn, err := r.DB.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// One instance prepares; the lock ends with its connection.
	var mine bool
	if err := conn.GetContext(ctx, &mine, `select pg_try_advisory_lock(hashtext(current_schema() || '.projection.' || $1))`, r.Name); err != nil {
		return err
	}
	if !mine {
		return errBusy
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `select pg_advisory_unlock(hashtext(current_schema() || '.projection.' || $1))`, r.Name)
	}()
	if _, err := r.DB.ExecContext(ctx, tables); err != nil {
		return err
	}
	if _, err := r.DB.ExecContext(ctx, `insert into projection_checkpoints (name, seq) values ($1, 0) on conflict do nothing`, r.Name); err != nil {
		return err
	}
	at, err := r.checkpoint(ctx)
	if err != nil {
		return err
	}
	for _, v := range r.Views {
		if err := r.prepareView(ctx, v, at); err != nil {
			return fmt.Errorf("view %s: %w", v.Name, err)
		}
	}
	return nil
}

func (r *Runner) prepareView(ctx context.Context, v View, at uint64) error {
	var have struct {
		Version  int
		Seq      uint64
		Complete bool
	}
	err := r.DB.GetContext(ctx, &have, `select version, seq, complete from projection_views where name=$1`, v.Name)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && have.Version != v.Version:
		if err := r.empty(ctx, v); err != nil {
			return err
		}
		have.Seq = 0
	case err != nil:
		return err
	case have.Complete:
		return nil
	}
	return r.replay(ctx, v, have.Seq, at)
}

// empty drops a view's tables and creates them as they are now.
func (r *Runner) empty(ctx context.Context, v View) error {
	tx, err := r.DB.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, table := range v.Tables() {
		if _, err := tx.ExecContext(ctx, `drop table if exists `+pq.QuoteIdentifier(table)+` cascade`); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, v.Schema); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `insert into projection_views (name, version, seq, complete) values ($1,$2,0,false)
		on conflict (name) do update set version=$2, seq=0, complete=false`, v.Name, v.Version); err != nil {
		return err
	}
	return tx.Commit()
}

// replay applies to one view what stands between its own position and the checkpoint all others have reached.
func (r *Runner) replay(ctx context.Context, v View, from, to uint64) error {
	for from < to {
		err := r.Follow(ctx, from, func(ctx context.Context, batch []eventlog.Recorded) error {
			batch = until(batch, to)
			if len(batch) > 0 {
				last := batch[len(batch)-1].Sequence
				if err := r.replayed(ctx, v, batch, last); err != nil {
					return err
				}
				from = last
			} else {
				from = to
			}
			if from >= to {
				return eventlog.ErrStop
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	_, err := r.DB.ExecContext(ctx, `update projection_views set complete=true, seq=$2 where name=$1`, v.Name, to)
	return err
}

func until(batch []eventlog.Recorded, to uint64) []eventlog.Recorded {
	for i, rec := range batch {
		if rec.Sequence > to {
			return batch[:i]
		}
	}
	return batch
}

func (r *Runner) replayed(ctx context.Context, v View, batch []eventlog.Recorded, last uint64) error {
	tx, err := r.DB.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := v.Apply(ctx, tx, batch); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update projection_views set seq=$2 where name=$1`, v.Name, last); err != nil {
		return err
	}
	return tx.Commit()
}

// Rebuild makes the runner empty the view and replay it when it is next prepared; no instance may run meanwhile.
func Rebuild(ctx context.Context, db *sqlx.DB, view string) error {
	_, err := db.ExecContext(ctx, `delete from projection_views where name=$1`, view)
	return err
}
