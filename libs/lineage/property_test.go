package lineage_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/libs/lineage"
)

// ask is the verdict on anything that was ever created.
func (w *world) ask(j judge, id string, now int64) error {
	if c, ok := w.claims[id]; ok {
		return j.liveClaim(c, now)
	}
	return j.live(lineage.Ref{Kind: w.truth.Thing(id).Kind, ID: id}, now)
}

func (w *world) everything() []string {
	all := append(append(append(append([]string(nil), w.gens...), w.keys...), w.sessions...), w.tokens...)
	for _, r := range w.requests {
		all = append(all, r.id)
	}
	for _, g := range w.grants {
		all = append(all, g.id)
	}
	for _, c := range w.creds {
		all = append(all, c.id)
	}
	return append(append(all, w.orgs...), w.people...)
}

// tally says what the histories were like.
type tally struct{ messages, things, admitted int }

func (c *tally) count(w *world) {
	c.messages += len(w.log)
	for _, id := range w.everything() {
		c.things++
		if w.truth.MustRefuse(id, len(w.log), w.clock) == "" {
			c.admitted++
		}
	}
}

// violation plays a history and says where what must not is admitted or what must is refused, if anywhere.
func violation(h history, f faults, make func() judge, total *tally) error {
	w := newWorld(f, make)
	h.play(w)
	total.count(w)
	if err := w.agrees(); err != nil {
		return fmt.Errorf("%w\n%s", err, w.story(h))
	}
	// Policies once more from zero may add a record of what was so already; twice adds nothing, and no verdict changes.
	things, first := len(w.everything()), len(w.log)
	w.policies(true)
	before := len(w.log)
	w.policies(true)
	if before == first && len(w.log) == before {
		return nil
	}
	if err := w.agrees(); err != nil {
		return fmt.Errorf("after policies ran again from zero: %w\n%s", err, w.story(h))
	}
	if len(w.log) != before || len(w.everything()) != things {
		return fmt.Errorf("policies said again from zero changed the log\n%s", w.story(h))
	}
	return nil
}

// agrees compares the verdicts of an authorizer with the truth: at every position and at the head, then and later.
func (w *world) agrees() error {
	j, all := w.make(), w.everything()
	head := len(w.log)
	for _, m := range w.log {
		j.apply(m)
		for _, id := range all {
			if err := w.agree(j, id, m.position, m.stored); err != nil {
				return err
			}
		}
	}
	for _, later := range []int64{0, 15, 60, 150, 400} {
		for _, id := range all {
			if err := w.agree(j, id, head, w.clock+later); err != nil {
				return err
			}
		}
	}
	// Another fold that came to the head by another way says the same.
	for _, s := range w.services {
		w.catchUp(s, head)
		for _, id := range all {
			if one, other := w.ask(j, id, w.clock), w.ask(s, id, w.clock); fmt.Sprint(one) != fmt.Sprint(other) {
				return fmt.Errorf("two folds at %d differ on %s: %v and %v", head, id, one, other)
			}
		}
	}
	return nil
}

func (w *world) agree(j judge, id string, position int, now int64) error {
	verdict, must := w.ask(j, id, now), w.truth.MustRefuse(id, position, now)
	switch {
	case must != "" && verdict == nil:
		if w.noWait && w.truth.Thing(id).Knew > position {
			return nil // it is only held to have known so much
		}
		return fmt.Errorf("at %d %s is admitted, but %s", position, id, must)
	case must == "" && verdict != nil && (position == len(w.log) || w.faults == faults{}):
		return fmt.Errorf("at %d %s is refused, and nothing speaks against it: %w", position, id, verdict)
	}
	return nil
}

// size is how many histories are played; CHANCERY_HISTORIES raises it.
func size(t testing.TB, usual int) int {
	n, err := strconv.Atoi(os.Getenv("CHANCERY_HISTORIES"))
	if err != nil {
		return usual
	}
	return n
}

func seed(t testing.TB) uint64 {
	n, err := strconv.ParseUint(os.Getenv("CHANCERY_SEED"), 10, 64)
	if err != nil {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("CHANCERY_SEED=%d", n)
	return n
}

func set(t testing.TB, name, value string) {
	was := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, was) })
}

func TestWhatMustNotIsRefusedAndWhatMustIsAdmitted(t *testing.T) { // L3, D8, D9, D21
	n := size(t, 30_000)
	set(t, "rapid.checks", strconv.Itoa(n))
	set(t, "rapid.seed", strconv.FormatUint(seed(t), 10))
	set(t, "rapid.nofailfile", "true")
	drawn, total := histories(), tally{}
	rapid.Check(t, func(t *rapid.T) {
		if err := violation(drawn.Draw(t, "history"), faults{}, newReal, &total); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%d histories of %.1f messages, %.1f things, %.0f %% of them admitted at the head", n,
		float64(total.messages)/float64(n), float64(total.things)/float64(n), 100*float64(total.admitted)/float64(total.things))
	if total.admitted*5 < total.things || total.admitted*5 > 4*total.things {
		t.Error("the histories are one-sided")
	}
}

var mutants = map[string]faults{
	"nobody asks whether it ended":               {notEnded: true},
	"order within an aggregate is ignored":       {orderless: true},
	"one number a person":                        {oneNumber: true},
	"a policy's seen is the fact it answers":     {policySeen: true},
	"the checkpoint is read after the rows":      {afterRows: true},
	"a chain has the least seen of its links":    {leastSeen: true},
	"no recursion into ancestors":                {shallow: true},
	"the newest envelope's seen":                 {newestSeen: true},
	"no wait for the tail":                       {noWait: true},
	"a lease beat is taken for what was applied": {beat: true},
}

func TestThePropertyFindsEachMutant(t *testing.T) {
	drawn, from := histories(), int(seed(t)%1_000_000_000)
	const most = 20_000
	for name, f := range mutants {
		t.Run(name, func(t *testing.T) {
			for i := range most {
				if err := violation(drawn.Example(from+i), f, newFork(f), &tally{}); err != nil {
					t.Logf("found in history %d: %.200s", i+1, err)
					return
				}
			}
			t.Fatalf("%d histories did not find it", most)
		})
	}
}

func TestTheForkWithoutAFaultIsTheRule(t *testing.T) {
	drawn, from := histories(), int(seed(t)%1_000_000_000)
	for i := range 2000 {
		if err := violation(drawn.Example(from+i), faults{}, newFork(faults{}), &tally{}); err != nil {
			t.Fatalf("history %d: %v", i, err)
		}
	}
}
