package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// through is a log behind a proxy, opened while all is well.
func through(t *testing.T, w world, timeout time.Duration) (*eventlog.Log, *proxy) {
	t.Helper()
	p := newProxy(t, w.node())
	return w.open(t, p.connect(t), timeout), p
}

// stored waits until the aggregate holds n decisions.
func stored(t *testing.T, l *eventlog.Log, id string, n int) []eventlog.Recorded {
	t.Helper()
	ctx := within(t)
	for ctx.Err() == nil {
		if records, err := l.Read(ctx, subject(id)); err == nil && len(records) >= n {
			return records
		}
	}
	t.Fatalf("%s never held %d decisions", id, n)
	return nil
}

type appended struct {
	at  uint64
	err error
}

// appendBehind starts an append whose acknowledgement is held back, and returns once it is stored.
func appendBehind(t *testing.T, l *eventlog.Log, p *proxy, reader *eventlog.Log, id string, expected uint64, n int) (eventlog.Recorded, <-chan appended) {
	t.Helper()
	p.trap("PUB " + subject(id))
	done := make(chan appended, 1)
	ctx := within(t)
	go func() {
		at, err := l.Append(ctx, subject(id), expected, publish{"behind"}.fact())
		done <- appended{at, err}
	}()
	return stored(t, reader, id, n)[n-1], done
}

func lostAck(t *testing.T, w world) {
	writer, p := through(t, w, patience)
	reader := w.open(t, w.connect(t), 0)
	for range 5 {
		id := fresh()
		before, err := reader.Append(within(t), subject(id), 0, publish{"first"}.fact())
		if err != nil {
			t.Fatal(err)
		}
		mine, done := appendBehind(t, writer, p, reader, id, before, 2)
		p.cut()
		p.release()
		if a := <-done; a.err != nil || a.at != mine.Sequence {
			t.Fatalf("answered %d, %v; stored at %d", a.at, a.err, mine.Sequence)
		}
		if records := stored(t, reader, id, 2); len(records) != 2 {
			t.Fatalf("%d decisions", len(records))
		}
	}
}

func lostAckUnderLater(t *testing.T, w world) {
	writer, p := through(t, w, patience)
	reader := w.open(t, w.connect(t), 0)
	for later := 1; later <= 70; later += 23 {
		id := fresh()
		mine, done := appendBehind(t, writer, p, reader, id, 0, 1)
		for i := range later {
			if _, err := signers(reader).Handle(within(t), id, publish{fmt.Sprint("later", i)}); err != nil {
				t.Fatal(err)
			}
		}
		p.cut()
		p.release()
		if a := <-done; a.err != nil || a.at != mine.Sequence {
			t.Fatalf("answered %d, %v; stored at %d under %d later", a.at, a.err, mine.Sequence, later)
		}
		if records := stored(t, reader, id, later+1); len(records) != later+1 {
			t.Fatalf("%d decisions, expected %d", len(records), later+1)
		}
	}
}

func lateArrival(t *testing.T, w world) {
	// An attempt waits a fifth of the time-out: several copies go out while the first is held back.
	writer, p := through(t, w, 3*time.Second)
	reader := w.open(t, w.connect(t), 0)
	ctx := within(t)
	id := fresh()
	p.up.set(true)
	done := make(chan uint64, 1)
	go func() {
		at, err := writer.Append(ctx, subject(id), 0, publish{"late"}.fact())
		if err != nil {
			t.Error(err)
		}
		done <- at
	}()
	held := time.NewTimer(1500 * time.Millisecond)
	<-held.C
	p.up.set(false)
	at := <-done
	if records := stored(t, reader, id, 1); len(records) != 1 || records[0].Sequence != at {
		t.Fatalf("answered %d, stored %d decisions", at, len(records))
	}
}

func unknownThenAgain(t *testing.T, w world) {
	writer, p := through(t, w, time.Second)
	reader := w.open(t, w.connect(t), 0)
	ctx := eventlog.WithMeta(within(t), eventlog.Meta{CommandID: uuid.NewString()})
	id := fresh()
	p.down.set(true)
	at, err := writer.Append(ctx, subject(id), 0, publish{"x"}.fact())
	if !errors.Is(err, eventlog.ErrOutcomeUnknown) {
		t.Fatalf("answered %d, %v", at, err)
	}
	p.cut()
	p.down.set(false)
	if _, err := signers(reader).Handle(within(t), id, publish{"another"}); err != nil {
		t.Fatal(err)
	}
	out, err := signers(reader).Handle(ctx, id, publish{"x"})
	if err != nil || !out.Repeated {
		t.Fatalf("%+v %v", out, err)
	}
	if records := stored(t, reader, id, 2); len(records) != 2 || records[0].Sequence != out.Position {
		t.Fatalf("%d decisions, answered %d", len(records), out.Position)
	}
}

// randomFaults has writers behind proxies that cut, hold and release at random, and checks every answer in the end.
func randomFaults(t *testing.T, w world) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	ctx := within(t)
	id := fresh()
	stop := make(chan struct{})
	var faults, writers sync.WaitGroup
	type answered struct {
		command string
		out     eventlog.Outcome
		err     error
	}
	answers := make(chan answered, 1000)
	for n := range 4 {
		l, p := through(t, w, patience)
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		faults.Go(func() {
			for {
				select {
				case <-stop:
					p.up.set(false)
					p.down.set(false)
					return
				case <-time.After(time.Duration(random.IntN(30)) * time.Millisecond):
				}
				switch random.IntN(4) {
				case 0:
					p.cut()
				case 1:
					p.down.set(true)
				case 2:
					p.up.set(true)
				}
				<-time.After(time.Duration(random.IntN(10)) * time.Millisecond)
				if random.IntN(2) == 0 {
					p.cut()
				}
				p.up.set(false)
				p.down.set(false)
			}
		})
		writers.Go(func() {
			for i := range 40 {
				command := uuid.NewString()
				out, err := signers(l).Handle(eventlog.WithMeta(ctx, eventlog.Meta{CommandID: command}), id, publish{fmt.Sprintf("%d-%d", n, i)})
				answers <- answered{command, out, err}
			}
		})
	}
	writers.Wait()
	close(stop)
	faults.Wait()
	close(answers)
	reader := w.open(t, w.connect(t), 0)
	records, err := reader.Read(ctx, subject(id))
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]uint64{}
	for i, r := range records {
		if at[r.Envelope.GetCommandId()] != 0 {
			t.Errorf("command %s is stored at %d and %d", r.Envelope.GetCommandId(), at[r.Envelope.GetCommandId()], r.Sequence)
		}
		at[r.Envelope.GetCommandId()] = r.Sequence
		if r.Envelope.GetVersion() != uint64(i+1) {
			t.Errorf("decision %d has version %d", i+1, r.Envelope.GetVersion())
		}
	}
	accepted := 0
	for a := range answers {
		switch {
		case a.err == nil && at[a.command] != a.out.Position:
			t.Errorf("command %s was answered %d and is at %d", a.command, a.out.Position, at[a.command])
		case a.err == nil:
			accepted++
		case errors.Is(a.err, eventlog.ErrUnavailable) && at[a.command] != 0:
			t.Errorf("command %s was called not stored and is at %d", a.command, at[a.command])
		case !errors.Is(a.err, eventlog.ErrOutcomeUnknown) && !errors.Is(a.err, eventlog.ErrUnavailable) && !errors.Is(a.err, context.DeadlineExceeded):
			t.Errorf("command %s: %v", a.command, a.err)
		}
	}
	t.Logf("%d accepted, %d stored", accepted, len(records))
	if accepted < 100 {
		t.Errorf("only %d of 160 commands were accepted", accepted)
	}
}
