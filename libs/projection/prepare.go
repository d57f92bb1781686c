package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const tables = `
create table if not exists projection_checkpoints (
	name text primary key, seq bigint not null, fingerprint text not null, moved_at timestamptz not null default now());
create table if not exists projection_views (
	name text primary key, source text not null, version integer not null, seq bigint not null, complete boolean not null, tables text[] not null);
create table if not exists projection_policies (
	name text primary key, seq bigint not null)`

// kept is what the database says of a view.
type kept struct {
	Name     string
	Version  int
	Seq      uint64
	Complete bool
	Tables   pq.StringArray
}

// prepare creates what is missing and replays alone, up to the checkpoint, what is new, has a new version or was left
// incomplete. Meanwhile no instance moves the checkpoint.
func (r *Runner) prepare(ctx context.Context) error {
	return alone(ctx, r.DB, "projection", r.Name, func(ctx context.Context, _ *sqlx.Conn) error { return r.prepareAlone(ctx) })
}

func (r *Runner) prepareAlone(ctx context.Context) error {
	if err := r.createTables(ctx); err != nil {
		return err
	}
	if err := r.superseded(ctx); err != nil {
		return err
	}
	to, incomplete, err := r.adopt(ctx)
	if err != nil {
		return err
	}
	if len(incomplete) > 0 {
		r.rebuilding(ErrRebuilding)
		r.reached(0)
	}
	for _, k := range incomplete {
		if err := r.replay(ctx, r.view(k.Name), k.Seq, to); err != nil {
			return err
		}
	}
	if err := r.finish(ctx, to); err != nil {
		return err
	}
	r.adopted = true
	r.rebuilding(nil)
	return nil
}

// finish gives the checkpoint back to those who keep these views, unless one of them was emptied again meanwhile.
func (r *Runner) finish(ctx context.Context, to uint64) error {
	tx, err := r.DB.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `update projection_checkpoints set fingerprint=$2 where name=$1`, r.Name, r.fingerprint()); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update projection_views set complete=true where source=$1 and seq>=$2`, r.Name, to); err != nil {
		return err
	}
	var left int
	if err := tx.GetContext(ctx, &left, `select count(*) from projection_views where source=$1 and not complete`, r.Name); err != nil {
		return err
	}
	if left > 0 {
		return errChanged
	}
	return tx.Commit()
}

func (r *Runner) view(name string) View {
	return r.Views[slices.IndexFunc(r.Views, func(v View) bool { return v.Name == name })]
}

// adopt makes the database's views those of this program, empty where they are new or have a new version, and takes the
// checkpoint away from whoever moves it if any of them is not complete. It returns the checkpoint.
func (r *Runner) adopt(ctx context.Context) (to uint64, incomplete []kept, err error) {
	tx, err := r.DB.BeginTxx(ctx, nil)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `insert into projection_checkpoints (name, seq, fingerprint) values ($1, 0, '') on conflict do nothing`, r.Name); err != nil {
		return 0, nil, err
	}
	if err := tx.GetContext(ctx, &to, `select seq from projection_checkpoints where name=$1 for update`, r.Name); err != nil {
		return 0, nil, err
	}
	var found []kept
	if err := tx.SelectContext(ctx, &found, `select name, version, seq, complete, tables from projection_views where source=$1`, r.Name); err != nil {
		return 0, nil, err
	}
	for _, k := range found {
		if !slices.ContainsFunc(r.Views, func(v View) bool { return v.Name == k.Name }) {
			if err := drop(ctx, tx, k.Tables); err != nil {
				return 0, nil, err
			}
			if _, err := tx.ExecContext(ctx, `delete from projection_views where name=$1`, k.Name); err != nil {
				return 0, nil, err
			}
		}
	}
	for _, v := range r.Views {
		i := slices.IndexFunc(found, func(k kept) bool { return k.Name == v.Name })
		switch {
		case i >= 0 && found[i].Version > v.Version:
			return 0, nil, fmt.Errorf("%w: view %s has version %d there and %d here", ErrSuperseded, v.Name, found[i].Version, v.Version)
		case i >= 0 && found[i].Version == v.Version:
			if !found[i].Complete {
				incomplete = append(incomplete, found[i])
			}
			continue
		case i >= 0:
			if err := drop(ctx, tx, found[i].Tables); err != nil {
				return 0, nil, err
			}
		}
		if err := create(ctx, tx, v, r.Name); err != nil {
			return 0, nil, fmt.Errorf("view %s: %w", v.Name, err)
		}
		incomplete = append(incomplete, kept{Name: v.Name})
	}
	if len(incomplete) > 0 {
		if _, err := tx.ExecContext(ctx, `update projection_checkpoints set fingerprint='' where name=$1`, r.Name); err != nil {
			return 0, nil, err
		}
	}
	return to, incomplete, tx.Commit()
}

// createTables looks first, because creating them takes locks that reads would wait for.
func (r *Runner) createTables(ctx context.Context) error {
	var there bool
	if err := r.DB.GetContext(ctx, &there, `select to_regclass('projection_policies') is not null`); err != nil || there {
		return err
	}
	// Two streams of one service have locks of their own and may be here at once.
	_, err := r.DB.ExecContext(ctx, `select pg_advisory_xact_lock(hashtextextended(current_schema() || '.projection', 0)); `+tables)
	return err
}

func create(ctx context.Context, tx *sqlx.Tx, v View, source string) error {
	if err := drop(ctx, tx, v.Tables()); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, v.Schema); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `insert into projection_views (name, source, version, seq, complete, tables) values ($1,$2,$3,0,false,$4)
		on conflict (name) do update set source=$2, version=$3, seq=0, complete=false, tables=$4`, v.Name, source, v.Version, pq.Array(v.Tables()))
	return err
}

func drop(ctx context.Context, tx *sqlx.Tx, names []string) error {
	for _, name := range names {
		if _, err := tx.ExecContext(ctx, `drop table if exists `+pq.QuoteIdentifier(name)+` cascade`); err != nil {
			return err
		}
	}
	return nil
}

// superseded refuses to take the views back from a program that came later.
func (r *Runner) superseded(ctx context.Context) error {
	if !r.adopted {
		return nil
	}
	s, err := r.standing(ctx)
	if err != nil {
		return ignoreNoRows(err)
	}
	if s.Fingerprint != "" && s.Fingerprint != r.fingerprint() {
		return fmt.Errorf("%w: %s there, %s here", ErrSuperseded, s.Fingerprint, r.fingerprint())
	}
	return nil
}

func ignoreNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
