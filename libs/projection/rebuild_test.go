package projection_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
)

// X2: every view can be dropped and rebuilt to the same rows, while instances run.
func TestARebuiltViewHoldsTheSameRows(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.start(w.runner(keys, totals))
	}
	for range 300 {
		w.publish("identity", "registry")
	}
	w.reach(300)
	before := map[string]projection.Sum{"keys": w.sum(keys), "totals": w.sum(totals)}
	for _, v := range []projection.View{totals, keys} {
		if err := projection.Rebuild(w.ctx, w.db, v); err != nil {
			t.Fatal(err)
		}
		w.reach(300)
		if got := w.sum(v); got != before[v.Name] {
			t.Errorf("%s: %v, before %v", v.Name, got, before[v.Name])
		}
	}
	at := w.publish("identity")
	w.reach(at)
	w.exact(keys, totals)
}

func TestADroppedSchemaIsMadeAnewFromTheLog(t *testing.T) {
	w := newWorld(t)
	stop := w.start(w.runner(keys, totals))
	for range 100 {
		w.publish("identity")
	}
	w.reach(100)
	before := w.sum(totals)
	_ = stop()
	if _, err := w.db.ExecContext(w.ctx, `drop table keys, totals, projection_checkpoints, projection_views, projection_policies`); err != nil {
		t.Fatal(err)
	}
	w.start(w.runner(keys, totals))
	w.reach(100)
	if got := w.sum(totals); got != before {
		t.Errorf("%v, before %v", got, before)
	}
	w.exact(keys, totals)
}

func TestARaisedVersionEmptiesAndReplaysThatViewAlone(t *testing.T) {
	w := newWorld(t)
	old := w.runner(keys, totals)
	stopOld := w.start(old)
	for range 200 {
		w.publish("identity")
	}
	w.reach(200)
	applied := 0
	watched := keys
	watched.Apply = func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		if batch[0].Sequence <= 200 {
			applied++
		}
		return keys.Apply(ctx, tx, batch)
	}
	raised := totals
	raised.Version, raised.Schema = 2, strings.ReplaceAll(totals.Schema, "published integer not null", "published integer not null, extra text")
	fresh := w.runner(watched, raised)
	w.start(fresh)
	// The instance of the old version gives way.
	if err := func() error {
		w.publish("identity")
		w.until("superseded", func() bool { return old.Health() != nil })
		return stopOld()
	}(); !errors.Is(err, projection.ErrSuperseded) {
		t.Errorf("the old instance ended with %v", err)
	}
	w.reach(201)
	if applied != 0 {
		t.Errorf("the other view was replayed in %d batches", applied)
	}
	if n := w.count(`select published from totals where extra is null`); n != 201 {
		t.Errorf("counted %d", n)
	}
	if err := w.runner(keys, totals).Run(w.ctx); !errors.Is(err, projection.ErrSuperseded) {
		t.Errorf("a lower version started: %v", err)
	}
	w.exact(keys, raised)
	if !fresh.Prepared() || fresh.Health() != nil {
		t.Error(fresh.Health())
	}
}

func TestAnInterruptedRebuildGoesOn(t *testing.T) {
	w := newWorld(t)
	stop := w.start(w.runner(keys))
	for range 3000 {
		w.publish("identity")
	}
	w.reach(3000)
	_ = stop()
	raised := keys
	raised.Version = 2
	batches := 0
	counting := raised
	for round := 0; ; round++ {
		ctx, cancel := context.WithCancel(w.ctx)
		counting.Apply = func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
			batches++
			if round == 0 && batches == 2 {
				cancel() // in the middle of the second batch
			}
			return raised.Apply(ctx, tx, batch)
		}
		done := make(chan error, 1)
		go func() { done <- w.runner(counting).Run(ctx) }()
		if round == 0 {
			<-done
			if err := projection.Read(w.ctx, w.db, func(*sqlx.Tx, uint64) error { return nil }); !errors.Is(err, projection.ErrRebuilding) || !errors.Is(err, eventlog.ErrBehind) {
				t.Errorf("a read of half a view: %v", err)
			}
			continue
		}
		w.reach(3000)
		cancel()
		<-done
		break
	}
	w.exact(raised)
}

func TestVerifyNamesWhatWasTamperedWith(t *testing.T) {
	w := newWorld(t)
	stop := w.start(w.runner(keys, totals))
	for range 50 {
		w.publish("identity")
	}
	w.reach(50)
	_ = stop()
	w.exact(keys, totals)
	if _, err := w.db.ExecContext(w.ctx, `update keys set key_id='forged' where position=17; delete from totals`); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		view             projection.View
		missing, surplus string
	}{{keys, "keys (17,0,identity,key-17)", "keys (17,0,identity,forged)"}, {totals, "totals (identity,50,", ""}} {
		verdict, err := projection.Verify(w.ctx, w.db, w.log.Follow, c.view)
		if err != nil || verdict.Err() == nil || verdict.Position != 50 {
			t.Fatalf("%+v, %v", verdict, err)
		}
		if !strings.Contains(strings.Join(verdict.Missing, " "), c.missing) || !strings.Contains(strings.Join(verdict.Surplus, " "), c.surplus) {
			t.Errorf("%v", verdict.Err())
		}
	}
	if w.count(`select count(*) from pg_tables where schemaname like 'pg_temp%'`) != 0 {
		t.Error("temporary tables are left")
	}
}

func TestAViewThatIsGoneFromTheProgramIsDropped(t *testing.T) {
	w := newWorld(t)
	stop := w.start(w.runner(keys, totals))
	w.reach(w.publish("identity"))
	_ = stop()
	w.start(w.runner(keys))
	w.reach(w.publish("identity"))
	if w.count(`select count(*) from pg_tables where tablename='totals'`) != 0 {
		t.Error("its table is left")
	}
	w.exact(keys)
}
