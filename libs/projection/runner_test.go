package projection_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

func TestViewsFollowTheLogAndAReadWaitsForItsWrite(t *testing.T) {
	w := newWorld(t)
	r := w.runner(keys, totals)
	stop := w.start(r)
	for i := range 50 {
		at := w.publish("identity", "registry")
		if i%10 == 0 {
			if err := r.WaitFor(w.ctx, at); err != nil {
				t.Fatal(err)
			}
			if n := w.count(`select count(*) from keys`); n != 2*int(at) {
				t.Fatalf("%d rows at #%d", n, at)
			}
		}
	}
	w.reach(50)
	w.exact(keys, totals)
	err := projection.Read(w.ctx, w.db, func(tx *sqlx.Tx, at uint64) error {
		if at != 50 {
			t.Errorf("at %d", at)
		}
		return nil
	})
	if err != nil || r.Health() != nil || r.Position() != 50 {
		t.Error(err, r.Health(), r.Position())
	}
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestAReadGivesUpOnAPositionTheViewsDoNotReach(t *testing.T) {
	w := newWorld(t)
	r := w.runner(keys)
	w.start(r)
	at := w.publish("identity")
	w.reach(at)
	started := time.Now()
	for _, err := range []error{r.WaitFor(w.ctx, at+1), projection.WaitFor(w.ctx, w.db, at+1)} {
		if !errors.Is(err, eventlog.ErrBehind) {
			t.Errorf("got %v", err)
		}
	}
	if took := time.Since(started); took < 2*projection.Patience {
		t.Errorf("gave up after %v", took)
	}
}

func TestSeveralInstancesApplyEveryFactOnce(t *testing.T) {
	w := newWorld(t)
	const facts = 1500
	running := make([]func() error, 3)
	for i := range running {
		running[i] = w.start(w.runner(keys, totals))
	}
	for n := range facts {
		w.publish("identity")
		if n%100 == 0 { // one ends and another takes its place
			i := rand.IntN(len(running))
			_ = running[i]()
			running[i] = w.start(w.runner(keys, totals))
		}
	}
	w.reach(facts)
	if n := w.count(`select published from totals where service='identity'`); n != facts {
		t.Errorf("counted %d of %d", n, facts)
	}
	w.exact(keys, totals)
}

// X3: the database is lost again and again in the middle of batches.
func TestALostDatabaseConnectionLosesAndDoublesNothing(t *testing.T) {
	w := newWorld(t)
	const facts = 400
	r := w.runner(keys, totals)
	w.start(r)
	for n := range facts {
		w.publish("identity")
		if n%20 == 0 {
			w.count(`select count(pg_terminate_backend(pid)) from pg_stat_activity where datname=current_database() and pid<>pg_backend_pid()`)
		}
	}
	w.reach(facts)
	w.until("healthy again", func() bool { return r.Health() == nil })
	w.exact(keys, totals)
}

func TestARedeliveredBatchChangesNothing(t *testing.T) {
	w := newWorld(t)
	for range 40 {
		w.publish("identity")
	}
	r := w.runner(keys, totals)
	r.Follow = func(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error {
		var seen []eventlog.Recorded
		return w.log.Follow(ctx, after, func(ctx context.Context, batch []eventlog.Recorded) error {
			seen = append(seen, batch...)
			for range 3 {
				if err := apply(ctx, seen); err != nil {
					return err
				}
				if err := apply(ctx, seen[rand.IntN(len(seen)):]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	w.start(r)
	w.reach(40)
	w.exact(keys, totals)
}

func TestADeliveryWithAHoleIsNotApplied(t *testing.T) {
	w := newWorld(t)
	for range 40 {
		w.publish("identity")
	}
	r := w.runner(keys, totals)
	holes := 3
	r.Follow = func(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error {
		return w.log.Follow(ctx, after, func(ctx context.Context, batch []eventlog.Recorded) error {
			if holes > 0 {
				holes--
				batch = batch[1:]
			}
			return apply(ctx, batch)
		})
	}
	w.start(r)
	w.reach(40)
	w.exact(keys, totals)
}

func TestAViewStopsBeforeTheFactItCannotTake(t *testing.T) {
	w := newWorld(t)
	for range 30 {
		w.publish("identity")
	}
	bad := w.publish("registry", "poison")
	w.publish("identity")
	r := w.runner(keys, totals)
	err := r.Run(w.ctx)
	var stopped *projection.Stopped
	if !errors.As(err, &stopped) || stopped.View != "totals" || stopped.Sequence != bad || !strings.Contains(stopped.Subject, fmt.Sprint(".", bad)) {
		t.Fatalf("got %v", err)
	}
	if !errors.As(r.Health(), &stopped) {
		t.Errorf("health %v", r.Health())
	}
	if n := w.count(`select count(*) from keys`); n != int(bad)-1 {
		t.Errorf("%d rows, want all before #%d and no more", n, bad)
	}
	mended := totals
	mended.Version, mended.Apply = 2, func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		var clean []eventlog.Recorded
		for _, rec := range batch {
			if rec.Sequence != bad {
				clean = append(clean, rec)
			}
		}
		return totals.Apply(ctx, tx, clean)
	}
	w.start(w.runner(keys, mended))
	w.reach(bad + 1)
	w.exact(keys, mended)
}

func TestAPanicInAViewStopsItLikeARefusal(t *testing.T) {
	w := newWorld(t)
	w.publish("identity")
	v := keys
	v.Apply = func(context.Context, *sqlx.Tx, []eventlog.Recorded) error { panic("unforeseen") }
	var stopped *projection.Stopped
	if err := w.runner(v).Run(w.ctx); !errors.As(err, &stopped) || !strings.Contains(err.Error(), "unforeseen") {
		t.Errorf("got %v", err)
	}
}

// A fact of a type only a newer program knows.
func TestUnknownFactsArePassedOverAndCounted(t *testing.T) {
	w := newWorld(t)
	w.publish("identity")
	d := protodesc.ToFileDescriptorProto(eventv1.File_event_v1_signer_proto)
	d.Name, d.Package = proto.String("newer.proto"), proto.String("issuance.v9")
	d.Dependency, d.Options = nil, nil
	d.MessageType = []*descriptorpb.DescriptorProto{{Name: proto.String("Invented")}}
	file, err := protodesc.NewFile(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	invented := dynamicpb.NewMessage(file.Messages().Get(0))
	at, err := w.log.Append(w.ctx, "events.issuance.signer.newer", 0, invented, &eventv1.SignerKeyPublished{Service: "registry", KeyId: "k"}, invented)
	if err != nil {
		t.Fatal(err)
	}
	r := w.runner(keys)
	w.start(r)
	w.reach(at)
	w.until("counted", func() bool { return r.Unknown() == 2 })
	if n := w.count(`select count(*) from keys`); n != 2 {
		t.Errorf("%d rows", n)
	}
}

func TestObservationsHaveACheckpointOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	events := w.runner(keys)
	w.start(events)
	observed := keys
	observed.Name, observed.Schema = "observed", strings.ReplaceAll(keys.Schema, "table keys", "table observed")
	observed.Apply = func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		var rows [][]any
		for _, r := range batch {
			rows = append(rows, []any{int64(r.Sequence), r.Index, r.Service(), r.Envelope.GetEventId()})
		}
		return projection.Copy(ctx, tx, "observed", []string{"position", "fact", "service", "key_id"}, rows)
	}
	activity := w.runner(observed)
	activity.Name, activity.Follow = "activity", w.log.FollowActivity
	stop := w.start(activity)
	const n = 60
	told := make(chan error, n)
	for range n {
		go func() {
			ctx := eventlog.WithMeta(w.ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: "a", Kind: "client"}})
			told <- w.log.Observe(ctx, "token", &eventv1.SignerKeyPublished{Service: "issuance", KeyId: "k"})
		}()
	}
	for range n {
		if err := <-told; err != nil {
			t.Fatal(err)
		}
	}
	w.until("prepared", func() bool { return w.count(`select count(*) from pg_tables where tablename='observed'`) == 1 })
	rows := func() int { return w.count(`select count(distinct key_id) from observed`) }
	w.until("all observed", func() bool { return rows() == n })
	_ = stop()
	again := w.runner(observed)
	again.Name, again.Follow = "activity", w.log.FollowActivity
	w.start(again)
	w.reach(w.publish("identity"))
	w.until("followed", func() bool { return again.Position() > 0 })
	if got := w.count(`select count(*) from observed`); got != n {
		t.Errorf("%d observations of %d", got, n)
	}
}

// Observations age: what a rebuild is to replay may all be gone, on a log where nothing happens any more.
func TestARebuildDoesNotWaitForObservationsThatAged(t *testing.T) {
	w := newWorld(t)
	if first, err := w.log.ActivityFirst(w.ctx); err != nil || first != 1 {
		t.Errorf("an empty stream begins at %d, %v", first, err)
	}
	for range 3 {
		ctx := eventlog.WithMeta(w.ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: "a", Kind: "client"}})
		if err := w.log.Observe(ctx, "token", &eventv1.SignerKeyPublished{Service: "issuance", KeyId: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	first, err := w.log.ActivityFirst(w.ctx)
	if err != nil || first != 1 {
		t.Errorf("the stream begins at %d, %v", first, err)
	}
	observations := func(v projection.View) *projection.Runner {
		r := w.runner(v)
		r.Name, r.Follow, r.First = "activity", w.log.FollowActivity, w.log.ActivityFirst
		return r
	}
	before := observations(keys)
	stop := w.start(before)
	w.until("followed", func() bool { return before.Position() == 3 })
	_ = stop()
	raised := keys
	raised.Version = 2
	aged := observations(raised)
	aged.First = func(context.Context) (uint64, error) { return 4, nil }
	aged.Follow = func(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error {
		if after < 3 {
			t.Error("asked for what is gone")
		}
		return w.log.FollowActivity(ctx, after, apply)
	}
	w.start(aged)
	w.until("prepared", func() bool { return aged.Prepared() && aged.Position() == 3 })
}
