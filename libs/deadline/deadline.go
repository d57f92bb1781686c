// Package deadline is the one expiry engine: a view of what is due when, and a ticker that turns a due time into a
// command, for each due time once.
package deadline

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
)

// Rule says what a change does to the due time that stands.
type Rule int

const (
	// Set makes it due at the time, whatever stood.
	Set Rule = iota
	// Move makes it due at the time if something stands that was not due yet when the log stored the fact.
	Move
	// MoveOrSet is Move, and Set where nothing stands.
	MoveOrSet
	// Shorten makes it due at the time if something stands that is due later.
	Shorten
	// End makes nothing of the id due any more, of whatever kind, nor of its parts "<id>/...".
	End
)

// Change is what one fact does to one due time.
type Change struct {
	Rule Rule
	Kind string
	ID   string
	At   time.Time
}

// Changes says what a fact does to due times.
type Changes func(r eventlog.Recorded, index int, fact aggregate.Event) []Change

// schema orders ids by bytes, so that the parts of an id are a range.
const schema = `
create table deadlines (
	kind text not null,
	id text collate "C" not null,
	due_at timestamptz not null,
	set_at timestamptz not null,
	primary key (id, kind));
create index deadlines_by_time on deadlines (due_at)`

// View is what is due when: one row for each kind and id, kept as changes say. A service has one.
func View(version int, changes Changes) projection.View {
	return projection.View{Name: "deadlines", Version: version, Schema: schema,
		Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
			return apply(ctx, tx, batch, changes)
		}}
}

type key struct{ id, kind string }

type row struct {
	Kind  string    `db:"kind"`
	ID    string    `db:"id"`
	DueAt time.Time `db:"due_at"`
	SetAt time.Time `db:"set_at"`
}

type dated struct {
	Change
	stored time.Time
}

func apply(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded, changes Changes) error {
	var all []dated
	var ids []string
	for _, r := range batch {
		for i, fact := range r.Facts {
			if fact == nil {
				continue
			}
			for _, c := range changes(r, i, fact) {
				all = append(all, dated{c, r.Time})
				ids = append(ids, c.ID)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var rows []row
	// The character after '/' ends the range of an id's parts.
	if err := tx.SelectContext(ctx, &rows, `select d.kind, d.id, d.due_at, d.set_at from deadlines d join unnest($1::text[]) as n(id) on d.id=n.id
		union select d.kind, d.id, d.due_at, d.set_at from deadlines d join unnest($1::text[]) as n(id) on d.id >= n.id || '/' and d.id < n.id || '0'`,
		pq.Array(ids)); err != nil {
		return err
	}
	return write(ctx, tx, fold(rows, all), rows)
}

// fold plays the changes, in order, on what stands.
func fold(rows []row, all []dated) map[key]row {
	standing := map[key]row{}
	for _, r := range rows {
		standing[key{r.ID, r.Kind}] = r
	}
	for _, c := range all {
		k := key{c.ID, c.Kind}
		old, stands := standing[k]
		switch {
		case c.Rule == End:
			for other := range standing {
				if other.id == c.ID || strings.HasPrefix(other.id, c.ID+"/") {
					delete(standing, other)
				}
			}
			continue
		case c.Rule == Set, c.Rule == MoveOrSet && !stands:
		case stands && (c.Rule == Move || c.Rule == MoveOrSet) && c.stored.Before(old.DueAt):
		case stands && c.Rule == Shorten && c.At.Before(old.DueAt):
		default:
			continue
		}
		standing[k] = row{c.Kind, c.ID, whole(c.At), c.stored}
	}
	return standing
}

// whole is the first microsecond, which is all the database keeps, that is not before t: nothing comes early.
func whole(t time.Time) time.Time {
	cut := t.Truncate(time.Microsecond)
	if cut.Before(t) {
		cut = cut.Add(time.Microsecond)
	}
	return cut
}

func write(ctx context.Context, tx *sqlx.Tx, standing map[key]row, rows []row) error {
	var gone, kept projection.Columns
	for _, r := range rows {
		if _, stands := standing[key{r.ID, r.Kind}]; !stands {
			gone.Add(r.ID, r.Kind)
		}
	}
	for _, r := range sorted(standing) {
		kept.Add(r.Kind, r.ID, r.DueAt, r.SetAt)
	}
	if err := gone.Exec(ctx, tx, `delete from deadlines d using unnest($1::text[], $2::text[]) as n(id, kind) where d.id=n.id and d.kind=n.kind`); err != nil {
		return err
	}
	return kept.Exec(ctx, tx, `insert into deadlines (kind, id, due_at, set_at)
		select kind, id, due_at, set_at from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) as n(kind, id, due_at, set_at)
		on conflict (id, kind) do update set due_at=excluded.due_at, set_at=excluded.set_at
		where (deadlines.due_at, deadlines.set_at) is distinct from (excluded.due_at, excluded.set_at)`)
}

// sorted keeps instances from locking rows in different orders.
func sorted(standing map[key]row) []row {
	out := make([]row, 0, len(standing))
	for _, r := range standing {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b row) int { return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Kind, b.Kind)) })
	return out
}
