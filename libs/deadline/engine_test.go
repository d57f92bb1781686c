package deadline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/testkit"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// grant is just enough of one to expire.
type grant struct {
	until time.Time
	over  bool
}

func (g grant) Evolve(e aggregate.Event) grant {
	switch e := e.(type) {
	case *approvalv1.GrantActivated:
		g.until = e.Until.AsTime()
	case *approvalv1.GrantExpired, *approvalv1.GrantRevoked:
		g.over = true
	}
	return g
}

type activate struct{ until time.Time }

func (c activate) Decide(grant) ([]aggregate.Event, error) {
	return []aggregate.Event{&approvalv1.GrantActivated{Until: timestamppb.New(c.until)}}, nil
}

type expire struct{ now time.Time }

var errNotDue = errors.New("not due")

func (c expire) Decide(g grant) ([]aggregate.Event, error) {
	if g.over || g.until.IsZero() {
		return nil, nil
	}
	if c.now.Before(g.until) {
		return nil, errNotDue
	}
	return []aggregate.Event{&approvalv1.GrantExpired{Until: timestamppb.New(g.until)}}, nil
}

type revoke struct{}

func (revoke) Decide(grant) ([]aggregate.Event, error) {
	return []aggregate.Event{&approvalv1.GrantRevoked{Reason: "asked"}}, nil
}

type world struct {
	t      *testing.T
	ctx    context.Context
	log    *eventlog.Log
	grants eventlog.Repository[grant]
	db     *sqlx.DB
	runner *projection.Runner

	mu    sync.Mutex
	now   time.Time
	calls map[string][]time.Time // by command id
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	nc := testkit.NATS(t)
	if err := eventlog.Provision(ctx, nc, eventlog.ProvisionOptions{Services: []string{"approval"}}); err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "approval"})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ctx: ctx, log: log, grants: eventlog.Repository[grant]{Log: log, Kind: "approval.grant"},
		db: testkit.Postgres(t), now: start, calls: map[string][]time.Time{}}
	w.runner = &projection.Runner{DB: w.db, Follow: log.Follow, Service: "approval", Views: []projection.View{deadline.View(1, deadline.FromOptions("approval"))}}
	running, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = w.runner.Run(running) }()
	t.Cleanup(func() { end(); <-ended })
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) engine() *deadline.Engine {
	return &deadline.Engine{DB: w.db, Clock: w.clock, Service: "approval", Act: w.act, Every: time.Millisecond,
		Before: map[string][]time.Duration{"grant": {30 * day, 7 * day, day}}}
}

// act expires grants, and counts by command what it was called for.
func (w *world) act(ctx context.Context, d deadline.Due) error {
	m := eventlog.MetaFrom(ctx)
	w.mu.Lock()
	w.calls[m.CommandID] = append(w.calls[m.CommandID], d.At.Add(-d.Before))
	now := w.now
	w.mu.Unlock()
	if d.Before > 0 {
		return nil
	}
	if _, err := w.grants.Handle(ctx, d.ID, expire{now}); err != nil && !errors.Is(err, errNotDue) {
		return err
	}
	return nil
}

func (w *world) do(id string, c aggregate.Command[grant]) {
	w.t.Helper()
	if _, err := w.grants.Handle(w.ctx, id, c); err != nil {
		w.t.Fatal(err)
	}
}

// settle waits until the view holds all that is in the log.
func (w *world) settle() {
	w.t.Helper()
	tail, err := w.log.Tail(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for projection.WaitFor(w.ctx, w.db, tail) != nil {
		if w.ctx.Err() != nil {
			w.t.Fatal(w.ctx.Err())
		}
	}
}

func (w *world) tick(e *deadline.Engine) {
	w.t.Helper()
	if err := e.Tick(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

func (w *world) facts() (expired map[string]int, commands map[string]int) {
	w.t.Helper()
	expired, commands = map[string]int{}, map[string]int{}
	tail, err := w.log.Tail(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.log.Follow(w.ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			if _, ok := r.Facts[0].(*approvalv1.GrantExpired); ok {
				expired[r.Envelope.GetSubject().GetId()]++
				commands[r.Envelope.GetCommandId()]++
				if a := r.Envelope.GetActor(); a.GetId() != "approval.deadline" || a.GetKind() != "service" {
					w.t.Errorf("actor %v", a)
				}
			}
		}
		if batch[len(batch)-1].Sequence >= tail {
			return eventlog.ErrStop
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return expired, commands
}

// L9: a simulated year and more, with restarts that forget what was done.
func TestEveryDueTimeLeadsToOneExpiryThroughRestarts(t *testing.T) {
	w := newWorld(t)
	const grants = 300
	random := rand.New(rand.NewPCG(9, 9))
	until := map[string]time.Time{}
	for i := range grants {
		id := fmt.Sprintf("g%d", i)
		until[id] = start.Add(time.Duration(random.Int64N(int64(400 * day))))
		w.do(id, activate{until[id]})
	}
	revoked := map[string]bool{}
	e := w.engine()
	for w.settle(); w.clock().Before(start.Add(410 * day)); w.pass(2 * day) {
		switch random.IntN(20) {
		case 0:
			e = w.engine() // a restart
		case 1: // a crash between what was done and the note of it
			e = w.engine()
			if _, err := w.db.ExecContext(w.ctx, `delete from deadline_marks where due_at > now() - interval '100 years'`); err != nil {
				t.Fatal(err)
			}
		case 2:
			id := fmt.Sprintf("g%d", random.IntN(grants))
			if !revoked[id] && until[id].After(w.clock()) {
				revoked[id] = true
				w.do(id, revoke{})
				w.settle()
			}
		}
		w.tick(e)
		w.tick(w.engine()) // a second instance, at the same moment
	}
	expired, commands := w.facts()
	for id := range until {
		if want := map[bool]int{false: 1, true: 0}[revoked[id]]; expired[id] != want {
			t.Errorf("%s (until %v, revoked %v) expired %d times", id, until[id], revoked[id], expired[id])
		}
	}
	for c, n := range commands {
		if n != 1 {
			t.Errorf("command %s was carried out %d times", c, n)
		}
	}
	if n := w.left(); n != 0 {
		t.Errorf("%d due times are left", n)
	}
}

func (w *world) left() (n int) {
	w.t.Helper()
	if err := w.db.GetContext(w.ctx, &n, `select count(*) from deadlines`); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// Notices are dated by when the log stored the due time, so these begin today.
func TestNoticesComeOnceEachBeforeTheTimeAndNotAfter(t *testing.T) {
	w := newWorld(t)
	begin := time.Now().UTC()
	w.now = begin
	w.do("long", activate{begin.Add(40 * day)})
	w.do("short", activate{begin.Add(3 * day)})
	w.do("past", activate{begin.Add(-time.Hour)})
	w.settle()
	e := w.engine()
	for w.clock().Before(begin.Add(45 * day)) {
		w.tick(e)
		w.pass(6 * time.Hour)
	}
	want := map[string][]time.Duration{"long": {30 * day, 7 * day, day, 0}, "short": {day, 0}, "past": {0}}
	at := map[string]time.Time{"long": begin.Add(40 * day), "short": begin.Add(3 * day), "past": begin.Add(-time.Hour)}
	total := 0
	for id, steps := range want {
		for _, before := range steps {
			total++
			d := deadline.Due{Kind: "grant", ID: id, At: whole(at[id]), Before: before}
			if n := len(w.calls[d.CommandID()]); n != 1 {
				t.Errorf("%s, %v before: %d calls", id, before, n)
			}
		}
	}
	if len(w.calls) != total {
		t.Errorf("%d moments, want %d: %v", len(w.calls), total, w.calls)
	}
}

func whole(t time.Time) time.Time {
	if c := t.Truncate(time.Microsecond); c.Before(t) {
		return c.Add(time.Microsecond)
	}
	return t
}

func TestWhatCannotBeDoneIsTriedAgainAndHoldsUpNothing(t *testing.T) {
	w := newWorld(t)
	const grants = 1200 // more than a page
	for i := range grants {
		w.do(fmt.Sprintf("g%04d", i), activate{start.Add(time.Duration(i) * time.Second)})
	}
	w.settle()
	w.pass(day)
	e, broken := w.engine(), true
	var mu sync.Mutex
	done := map[string]bool{}
	e.Act = func(ctx context.Context, d deadline.Due) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case broken && d.ID < "g0600":
			return errors.New("not now")
		case broken && d.ID == "g0700":
			panic("unforeseen")
		}
		done[d.ID] = true
		return nil
	}
	w.tick(e)
	if len(done) != 599 || e.Health() == nil {
		t.Errorf("%d done, health %v", len(done), e.Health())
	}
	broken = false
	w.tick(e)
	if len(done) != grants || e.Health() != nil {
		t.Errorf("%d done, health %v", len(done), e.Health())
	}
}

func TestRunActsByItselfInOneInstanceAtATime(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(w.ctx)
	var instances sync.WaitGroup
	for range 3 {
		instances.Go(func() { _ = w.engine().Run(ctx) })
	}
	for i := range 50 {
		w.do(fmt.Sprintf("g%d", i), activate{start.Add(-time.Minute)})
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for w.settle(); w.left() > 0; <-tick.C {
		if w.ctx.Err() != nil {
			t.Fatal(w.ctx.Err())
		}
	}
	cancel()
	instances.Wait()
	expired, _ := w.facts()
	if len(expired) != 50 {
		t.Errorf("%d expired", len(expired))
	}
	for command, calls := range w.calls {
		if len(calls) != 1 {
			t.Errorf("%s was called for %d times", command, len(calls))
		}
	}
}
