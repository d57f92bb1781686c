package projection_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/testkit"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// keys appends a row a fact, by COPY.
var keys = projection.View{
	Name: "keys", Version: 1,
	Schema: `create table keys (position bigint not null, fact integer not null, service text not null, key_id text not null, primary key (position, fact))`,
	Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		var rows [][]any
		for _, r := range batch {
			for i, f := range r.Facts {
				if e, ok := f.(*eventv1.SignerKeyPublished); ok {
					rows = append(rows, []any{int64(r.Sequence), i, e.Service, e.KeyId})
				}
			}
		}
		return projection.Copy(ctx, tx, "keys", []string{"position", "fact", "service", "key_id"}, rows)
	},
}

// totals counts, by unnest; a service called "poison" it cannot take.
var totals = projection.View{
	Name: "totals", Version: 1,
	Schema: `create table totals (service text primary key, published integer not null, newest_at timestamptz)`,
	Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		count, newest := map[string]int{}, map[string]time.Time{}
		for _, r := range batch {
			for _, f := range r.Facts {
				e, ok := f.(*eventv1.SignerKeyPublished)
				if !ok {
					continue
				}
				if e.Service == "poison" {
					return errors.New("no row can be made of poison")
				}
				count[e.Service]++
				newest[e.Service] = r.Time
			}
		}
		var rows projection.Columns
		for s, n := range count {
			rows.Add(s, n, newest[s])
		}
		return rows.Exec(ctx, tx, `insert into totals (service, published, newest_at)
			select service, published, newest_at from unnest($1::text[], $2::integer[], $3::timestamptz[]) as n(service, published, newest_at)
			on conflict (service) do update set published=totals.published+excluded.published, newest_at=excluded.newest_at`)
	},
}

type world struct {
	t   *testing.T
	ctx context.Context
	log *eventlog.Log
	nc  *nats.Conn
	url string
	db  *sqlx.DB
	n   int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	nc := testkit.NATS(t)
	if err := eventlog.Provision(ctx, nc, eventlog.ProvisionOptions{Services: []string{"issuance"}}); err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "issuance"})
	if err != nil {
		t.Fatal(err)
	}
	url := testkit.PostgresURL(t)
	return &world{t: t, ctx: ctx, log: log, nc: nc, url: url, db: testkit.OpenPostgres(t, url)}
}

// publish appends one decision of as many facts as services are named, to an aggregate of its own.
func (w *world) publish(services ...string) uint64 {
	w.t.Helper()
	w.n++
	facts := make([]aggregate.Event, len(services))
	for i, s := range services {
		facts[i] = &eventv1.SignerKeyPublished{Service: s, KeyId: fmt.Sprintf("key-%d", w.n)}
	}
	at, err := w.log.Append(w.ctx, fmt.Sprintf("events.issuance.signer.%d", w.n), 0, facts...)
	if err != nil {
		w.t.Fatal(err)
	}
	return at
}

func (w *world) runner(views ...projection.View) *projection.Runner {
	return &projection.Runner{DB: testkit.OpenPostgres(w.t, w.url), Follow: w.log.Follow, Views: views, Service: "issuance"}
}

// start runs r until the returned function is called, which hands back what Run returned.
func (w *world) start(r *projection.Runner) (stop func() error) {
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	w.t.Cleanup(func() { _ = stop() })
	return stop
}

// reach waits, without the bound of a read, until the database has every view at position.
func (w *world) reach(position uint64) {
	w.t.Helper()
	for {
		err := projection.WaitFor(w.ctx, w.db, position)
		if err == nil {
			return
		}
		if !errors.Is(err, eventlog.ErrBehind) {
			w.t.Fatal(err)
		}
	}
}

func (w *world) sum(v projection.View) projection.Sum {
	w.t.Helper()
	s, err := projection.Checksum(w.ctx, w.db, v)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.GetContext(w.ctx, &n, query, args...); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// exact demands that every view is what the log says, down to the row.
func (w *world) exact(views ...projection.View) {
	w.t.Helper()
	for _, v := range views {
		verdict, err := projection.Verify(w.ctx, w.db, w.log.Follow, v)
		if err == nil {
			err = verdict.Err()
		}
		if err != nil {
			w.t.Error(err)
		}
	}
}

// until waits for a condition that no call waits for.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-w.ctx.Done():
			w.t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}
