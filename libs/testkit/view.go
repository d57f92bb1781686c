package testkit

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
)

// View demands of a view what every view promises, on these records: the same rows however the facts are batched, when
// they are delivered three times, and when the view is rebuilt; and no row that depends on when it was made. It returns
// the database with the view's rows, for the test to look at them.
func View(t testing.TB, v projection.View, records []eventlog.Recorded) *sqlx.DB {
	t.Helper()
	if len(records) == 0 {
		t.Fatal("a view is tested on at least one record")
	}
	ctx, cancel := context.WithTimeout(context.Background(), starting)
	defer cancel()
	db, random, last := Postgres(t), seeded(t), records[len(records)-1].Sequence
	project(ctx, t, db, v, batches(records, func() int { return 1 }), last)
	want, err := projection.Checksum(ctx, db, v)
	if err != nil {
		t.Fatal(err)
	}
	if want.Rows == 0 {
		t.Errorf("view %s has no row of these facts: the checks below mean nothing", v.Name)
	}
	demand := func(how string, got projection.Sum, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("view %s, %s: %v", v.Name, how, err)
		} else if got != want {
			t.Errorf("view %s, %s: %d rows (%.12s), one by one %d (%.12s)", v.Name, how, got.Rows, got.SHA256, want.Rows, want.SHA256)
		}
	}
	for _, c := range []struct {
		how    string
		source projection.Source
	}{
		{"in one batch", batches(records, func() int { return len(records) })},
		{"in batches of chance", batches(records, func() int { return 1 + random.IntN(5) })},
		{"in other batches of chance", batches(records, func() int { return 1 + random.IntN(len(records)) })},
	} {
		got, err := projection.Derive(ctx, db, c.source, v, last)
		demand(c.how, got, err)
	}
	again := Postgres(t)
	project(ctx, t, again, v, thrice(records, random), last)
	got, err := projection.Checksum(ctx, again, v)
	demand("delivered three times", got, err)
	if err := projection.Rebuild(ctx, db, v); err != nil {
		t.Fatal(err)
	}
	project(ctx, t, db, v, batches(records, func() int { return 1 + random.IntN(7) }), last)
	got, err = projection.Checksum(ctx, db, v)
	demand("rebuilt", got, err)
	return db
}

// ViewInAnyOrder demands that a view takes the facts of different aggregates in whatever order they come.
func ViewInAnyOrder(t testing.TB, v projection.View, records []eventlog.Recorded) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), starting)
	defer cancel()
	db, random := Postgres(t), seeded(t)
	for range 20 {
		order := Reordered(records, random)
		if _, err := projection.Derive(ctx, db, batches(order, func() int { return 1 + random.IntN(5) }), v, order[len(order)-1].Sequence); err != nil {
			t.Errorf("view %s, with the aggregates in another order: %v", v.Name, err)
			return
		}
	}
}

func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// project runs the view as a service does, until it holds everything.
func project(ctx context.Context, t testing.TB, db *sqlx.DB, v projection.View, from projection.Source, to uint64) {
	t.Helper()
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &projection.Runner{DB: db, Follow: from, Views: []projection.View{v}}
	done := make(chan error, 1)
	go func() { done <- r.Run(running) }()
	for {
		select {
		case err := <-done:
			t.Fatalf("view %s: %v", v.Name, err)
		default:
		}
		err := r.WaitFor(ctx, to)
		if err == nil {
			break
		}
		if !errors.Is(err, eventlog.ErrBehind) {
			t.Fatalf("view %s: %v", v.Name, err)
		}
	}
	cancel()
	<-done
}

// batches delivers the records after a position, as many at a time as size says, and then waits as a log does.
func batches(records []eventlog.Recorded, size func() int) projection.Source {
	return func(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error {
		rest := records
		for len(rest) > 0 && rest[0].Sequence <= after {
			rest = rest[1:]
		}
		for len(rest) > 0 {
			n := min(size(), len(rest))
			if err := apply(ctx, rest[:n]); err != nil {
				return ended(err)
			}
			rest = rest[n:]
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

func ended(err error) error {
	if errors.Is(err, eventlog.ErrStop) {
		return nil
	}
	return err
}

// thrice delivers every batch three times, each time with more of what came before it.
func thrice(records []eventlog.Recorded, random *rand.Rand) projection.Source {
	return func(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error {
		done := 0
		return batches(records, func() int { return 1 + random.IntN(5) })(ctx, after, func(ctx context.Context, batch []eventlog.Recorded) error {
			done += len(batch)
			if err := apply(ctx, batch); err != nil {
				return err
			}
			for range 2 {
				if err := apply(ctx, records[random.IntN(done):done]); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
