package deadline

import (
	"context"
	"time"

	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/projection"
)

// Marks say what was done. They save work after a restart and decide nothing: without them it is done again, to no effect.
const marksSchema = `create table if not exists deadline_marks (
	id text collate "C" not null, kind text not null, due_at timestamptz not null, before_us bigint not null,
	primary key (id, kind, due_at, before_us))`

// come is a moment that has come, in the order of its time.
type come struct {
	Kind     string    `db:"kind"`
	ID       string    `db:"id"`
	DueAt    time.Time `db:"due_at"`
	BeforeUS int64     `db:"before_us"`
	FireAt   time.Time `db:"fire_at"`
}

func (c come) moment() Due {
	return Due{Kind: c.Kind, ID: c.ID, At: c.DueAt, Before: time.Duration(c.BeforeUS) * time.Microsecond}
}

// due is the next page of what came due after since and until now and is not done yet. A step of no kind is every kind's.
func (e *Engine) due(ctx context.Context, since, now time.Time, last come) ([]come, error) {
	kinds, befores := []string{""}, []int64{0}
	for kind, steps := range e.Before {
		for _, step := range steps {
			kinds, befores = append(kinds, kind), append(befores, step.Microseconds())
		}
	}
	var rows []come
	err := e.DB.SelectContext(ctx, &rows, `
		select kind, id, due_at, before_us, fire_at from (
			select d.kind, d.id, d.due_at, s.before_us, d.due_at - s.before_us * interval '1 microsecond' as fire_at
			from unnest($1::text[], $2::bigint[]) as s(kind, before_us)
			join deadlines d on s.kind in ('', d.kind)
				and d.due_at <= $4::timestamptz + s.before_us * interval '1 microsecond'
				and d.due_at > $3::timestamptz + s.before_us * interval '1 microsecond'
			where s.before_us = 0 or (d.due_at > $4 and d.due_at - s.before_us * interval '1 microsecond' >= d.set_at)) c
		where (fire_at, id, kind, before_us) > ($5::timestamptz, $6, $7, $8)
		and not exists (select from deadline_marks m where m.id=c.id and m.kind=c.kind and m.due_at=c.due_at and m.before_us=c.before_us)
		order by fire_at, id, kind, before_us limit $9`,
		pq.Array(kinds), pq.Array(befores), since, now, last.FireAt, last.ID, last.Kind, last.BeforeUS, page)
	return rows, err
}

func (e *Engine) mark(ctx context.Context, done []come) error {
	var rows projection.Columns
	for _, c := range done {
		rows.Add(c.ID, c.Kind, c.DueAt, c.BeforeUS)
	}
	return rows.Exec(ctx, e.DB, `insert into deadline_marks (id, kind, due_at, before_us)
		select id, kind, due_at, before_us from unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[]) as n(id, kind, due_at, before_us)
		on conflict do nothing`)
}

// tidy forgets what was done about due times that no longer stand.
func (e *Engine) tidy(ctx context.Context) error {
	_, err := e.DB.ExecContext(ctx, `delete from deadline_marks m where not exists (
		select from deadlines d where d.id=m.id and d.kind=m.kind and d.due_at=m.due_at)`)
	return err
}
