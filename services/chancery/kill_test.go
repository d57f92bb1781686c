package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/testkit"
	"github.com/chancery-dev/chancery/services/chancery/internal/kill"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

// TestMain lets the test's own program be the one that a split suite starts its processes of.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		main()
		return
	}
	os.Exit(m.Run())
}

// folder is one for a suite. Where Postgres cannot reach it the database lies elsewhere, and goes with it.
func folder(t *testing.T) string {
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := embedded.Remove(filepath.Join(dir, "pg")); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// splitSuite starts a split suite that ends with the test.
func splitSuite(t *testing.T, ctx context.Context, o suite.Options) *suite.Suite {
	t.Helper()
	o.Portal, o.IdP, o.Gateway, o.LimitFactor = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", 1000
	o.Say = func(line string) { t.Log(line) }
	s, err := suite.StartSplit(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var pids []int
		for _, p := range s.Processes() {
			pids = append(pids, p.PID)
		}
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		for _, pid := range pids {
			if syscall.Kill(pid, 0) == nil {
				t.Errorf("process %d is left behind", pid)
			}
		}
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(o.Dir, "logs", "*"))
			for _, path := range logs {
				text, _ := os.ReadFile(path)
				t.Logf("%s:\n%s", filepath.Base(path), text[max(0, len(text)-3000):])
			}
		}
	})
	return s
}

// whole fails unless every view is what the log says, once, and the records and the tree are complete.
func whole(t *testing.T, ctx context.Context, dir string) {
	t.Helper()
	stores, err := suite.OpenStores(ctx, suite.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer stores.Close(ctx)
	var said []string
	for end := time.Now().Add(time.Minute); ; {
		said = nil
		wrong := 0
		err := stores.Each(ctx, "", func(i *service.Inspection) error {
			n, err := suite.Check(ctx, i, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
			wrong += n
			return err
		})
		if err == nil && wrong == 0 {
			break
		}
		// What was decided a moment ago may still be on its way into the records.
		if time.Now().After(end) {
			t.Fatalf("%d differ, %v:\n%s", wrong, err, strings.Join(said, "\n"))
		}
	}
	t.Log(strings.Join(said, "\n"))
}

// felt is how long after its answer a revocation may go unfelt while processes are killed: not at all, because an authorizer
// that has lost its connection judges nothing until it has everything again.
const felt = 0

// Must hold whatever process is killed at whatever moment: every accepted command is in EVENTS once, in AUDIT once and in
// every view once, and no key is admitted later than felt after its revocation was answered (X2, X3).
func TestNothingIsLostOrDoubledWhenProcessesAreKilled(t *testing.T) {
	kills := testkit.Size(10, 200)
	_, seed := testkit.Random(t)
	t.Logf("%d kills", kills)
	var done proof
	path := testkit.Proving()
	done.resume(t, path)
	for round := uint64(0); done.Kills < kills; round++ {
		t.Run(fmt.Sprintf("after %d kills", done.Kills), func(t *testing.T) {
			killRound(t, rand.New(rand.NewPCG(seed, round)), min(10, kills-done.Kills), &done)
		})
		if t.Failed() {
			return
		}
		done.save(t, path)
	}
	t.Logf("%+v", done)
	done.write(t, path, seed)
}

func killRound(t *testing.T, random *rand.Rand, kills int, done *proof) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	dir := folder(t)
	s := splitSuite(t, ctx, suite.Options{Dir: dir})
	load, err := kill.Prepare(ctx, s.Portal, s.IdP, s.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	stop, working := make(chan struct{}), sync.WaitGroup{}
	failed := make(chan error, 8)
	for range 4 {
		working.Go(func() {
			if err := load.Work(ctx, stop); err != nil {
				failed <- err
			}
		})
	}
	working.Go(func() { // asks about revoked keys all the while
		for random := rand.New(rand.NewPCG(1, 2)); ctx.Err() == nil; {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			if all := load.Revoked(); len(all) > 0 {
				load.Ask(ctx, all[random.IntN(len(all))])
			}
		}
	})
	victims := map[string]int{}
	var order []int // each of them before any of them again
	for range kills {
		wait(t, failed, time.Duration(200+random.IntN(1500))*time.Millisecond, func() bool { return false })
		all := s.Processes()
		if len(order) == 0 {
			order = random.Perm(len(all))
		}
		victim := all[order[0]]
		order = order[1:]
		victims[victim.Name]++
		before := len(load.Accepted())
		if err := syscall.Kill(victim.PID, syscall.SIGKILL); err != nil {
			t.Fatalf("kill %s: %v", victim.Name, err)
		}
		wait(t, failed, time.Minute, func() bool { return len(load.Accepted()) > before+4 })
	}
	close(stop)
	working.Wait()
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	if err := s.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	whole(t, ctx, dir)
	counted := count(t, ctx, s)
	accepted := load.Accepted()
	for _, wrong := range counted.Wrong(accepted) {
		t.Error(wrong)
	}
	for _, r := range load.Revoked() {
		load.Ask(ctx, r)
	}
	var latest time.Duration
	admitted := load.Admitted()
	for _, after := range admitted {
		if latest = max(latest, after); after > felt {
			t.Errorf("a revoked key was admitted %s after the answer", after)
		}
	}
	t.Logf("%d calls with a revoked key were admitted before the authorizer had heard of it, the latest %s after the answer", len(admitted), latest)
	lives, asked := load.Completed()
	decisions, facts, records := counted.Sizes()
	t.Logf("killed %v; %d lifecycles, %d commands accepted, %d decisions, %d facts, %d records of them, %d answers about %d revoked keys",
		victims, lives, len(accepted), decisions, facts, records, asked, len(load.Revoked()))
	if lives == 0 || asked < len(load.Revoked()) {
		t.Error("the load did too little to say anything")
	}
	done.add(kills, lives, len(accepted), asked, len(admitted), latest, victims)
}

// wait returns when it holds, or after a time at the latest; a failure of the load ends the test.
func wait(t *testing.T, failed <-chan error, atMost time.Duration, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(atMost); time.Now().Before(end) && !holds(); {
		select {
		case err := <-failed:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func count(t *testing.T, ctx context.Context, s *suite.Suite) *kill.Counted {
	t.Helper()
	log, err := s.Connect(eventlog.UserProvision)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	audit, err := s.Connect(eventlog.UserProvisionAudit)
	if err != nil {
		t.Fatal(err)
	}
	defer audit.Close()
	counted, err := kill.Count(ctx, log, audit)
	if err != nil {
		t.Fatal(err)
	}
	return counted
}
