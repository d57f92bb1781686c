package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/testkit"
	"github.com/chancery-dev/chancery/services/chancery/internal/kill"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

// L2: whatever process is killed at whatever moment while keys are revoked, none that was revoked is admitted after its
// answer, and none that was not is lost. Authorizers write their state down each second, and start from it.
func TestWhatWasRevokedStaysSoWhateverIsKilled(t *testing.T) {
	kills := testkit.Size(20, 200)
	random, seed := testkit.Random(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	dir := folder(t)
	s := splitSuite(t, ctx, suite.Options{Dir: dir, SnapshotEvery: time.Second})
	load, err := kill.Prepare(ctx, s.Portal, s.IdP, s.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for range 5 {
		key, err := load.Keep(ctx)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, key)
	}
	stop, working, failed := make(chan struct{}), sync.WaitGroup{}, make(chan error, 8)
	for range 3 {
		working.Go(func() {
			if err := load.Work(ctx, stop); err != nil {
				failed <- err
			}
		})
	}
	working.Go(func() {
		for random := rand.New(rand.NewPCG(seed, 1)); ctx.Err() == nil; {
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
		wait(t, failed, time.Duration(random.IntN(600))*time.Millisecond, func() bool { return false })
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
		wait(t, failed, time.Minute, func() bool { return len(load.Accepted()) > before+1 })
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
	revoked := load.Revoked()
	for _, r := range revoked {
		load.Ask(ctx, r)
	}
	for _, after := range load.Admitted() {
		t.Errorf("a revoked key was admitted %s after the answer", after)
	}
	for _, key := range kept {
		if ok, err := load.Admits(ctx, key); err != nil || !ok {
			t.Errorf("a live key is lost: %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "gateway", "snapshot")); err != nil {
		t.Error(err)
	}
	_, asked := load.Completed()
	testkit.Proved(t, "l2", "What was revoked stays so, whatever is killed (L2)", seed, fmt.Sprintf(
		"%d kills (%v) while keys were revoked, the authorizer writing its state down each second and starting from it: 0 of %d answers about %d revoked keys let one in, and all %d keys that nobody ended were admitted afterwards.",
		kills, victims, asked, len(revoked), len(kept)))
}
