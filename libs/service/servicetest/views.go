package servicetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/testkit"
)

var errRolledBack = errors.New("rolled back")

// ViewsHold checks what every view promises, on everything the log holds: applying a batch again after it was rolled
// back, one record at a time or all at once, and rebuilding from nothing give the rows the service has (X2).
func (s *Suite) ViewsHold(t testing.TB, at *service.Running, views []projection.View) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	tail, err := at.Deps.Log.Tail(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := at.Deps.WaitFor(ctx, tail); err != nil {
		t.Fatal(err)
	}
	served := rowsOf(t, at.Deps.DB, views)
	records := s.records(ctx, t, tail)
	for _, size := range []int{1, len(records)} {
		db := testkit.Postgres(t)
		for _, v := range views {
			if _, err := db.ExecContext(ctx, v.Schema); err != nil {
				t.Fatalf("view %s: %v", v.Name, err)
			}
		}
		for begin := 0; begin < len(records); begin += size {
			batch := records[begin:min(begin+size, len(records))]
			for _, again := range []error{errRolledBack, nil} {
				if err := applied(ctx, db, views, batch, again); !errors.Is(err, again) {
					t.Fatal(err)
				}
			}
		}
		same(t, fmt.Sprintf("batches of %d", size), served, rowsOf(t, db, views))
	}
	for table, rows := range served {
		if rows == "" {
			t.Errorf("table %s is empty: the check says nothing of it", table)
		}
	}
}

func (s *Suite) records(ctx context.Context, t testing.TB, tail uint64) []eventlog.Recorded {
	t.Helper()
	var all []eventlog.Recorded
	err := s.Log("portal").Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		all = append(all, batch...)
		if all[len(all)-1].Sequence >= tail {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func applied(ctx context.Context, db *sqlx.DB, views []projection.View, batch []eventlog.Recorded, end error) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, v := range views {
		if err := v.Apply(ctx, tx, batch); err != nil {
			return fmt.Errorf("view %s: %w", v.Name, err)
		}
	}
	if end != nil {
		return end
	}
	return tx.Commit()
}

func rowsOf(t testing.TB, db *sqlx.DB, views []projection.View) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for _, v := range views {
		for _, table := range v.Tables() {
			var text string
			err := db.Get(&text, `select coalesce(string_agg(r, e'\n' order by r), '') from (select row_to_json(x)::text as r from `+pq.QuoteIdentifier(table)+` x) y`)
			if err != nil {
				t.Fatal(err)
			}
			rows[table] = text
		}
	}
	return rows
}

func same(t testing.TB, how string, want, got map[string]string) {
	t.Helper()
	for table := range want {
		if want[table] != got[table] {
			t.Errorf("%s: table %s differs\nserved:\n%s\nmade again:\n%s", how, table, want[table], got[table])
		}
	}
}

// PoliciesChangeNothing shows a service's policies everything again from the first fact, and fails if they add to the
// log. The service is stopped; the one that runs afterwards is returned.
func (s *Suite) PoliciesChangeNothing(t testing.TB, at *service.Running, c service.Config, wire service.New) *service.Running {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	before := s.settled(ctx, t, at)
	c.DatabaseURL = at.Deps.Config.DatabaseURL
	if err := at.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := testkit.OpenPostgres(t, c.DatabaseURL.Reveal()).ExecContext(ctx, `update projection_policies set seq=0`); err != nil {
		t.Fatal(err)
	}
	again := s.Start(at.Name, c, wire)
	if after := s.settled(ctx, t, again); after != before {
		for _, r := range s.records(ctx, t, after)[before:] {
			t.Errorf("a policy shown the past added %s: %v", r.Subject, r.Facts)
		}
	}
	return again
}

// settled is the tail of the log once every policy has answered everything up to it.
func (s *Suite) settled(ctx context.Context, t testing.TB, at *service.Running) uint64 {
	t.Helper()
	for {
		tail, err := s.Log("portal").Tail(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var least uint64
		if err := at.Deps.DB.GetContext(ctx, &least, `select coalesce(min(seq), 0) from projection_policies`); err != nil {
			t.Fatal(err)
		}
		if least >= tail {
			return tail
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the policies are at %d of %d", least, tail)
		}
	}
}

// Settle returns once a service's policies have answered everything in the log, and their answers too.
func (s *Suite) Settle(t testing.TB, at *service.Running) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	tail := s.settled(ctx, t, at)
	if err := at.Deps.WaitFor(ctx, tail); err != nil {
		t.Fatal(err)
	}
}
