package eventlog_test

import (
	"sync"
	"testing"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// TestALoadAsksForItsOwnMessagesAlone counts what is asked of the server, at sizes of the log apart by a factor of ten.
func TestALoadAsksForItsOwnMessagesAlone(t *testing.T) {
	const own = 10
	nc := connect(t, startOne(t))
	provision(t, nc)
	filler := open(t, nc, eventlog.Options{Cache: -1})
	ctx := within(t)
	fill := func(n int) {
		var wg sync.WaitGroup
		for w := range 16 {
			wg.Go(func() {
				for i := w; i < n; i += 16 {
					if _, err := filler.Append(ctx, subject(fresh()), 0, publish{"x"}.fact()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	probe := func(size, before int) {
		ids := []string{fresh(), fresh(), fresh()}
		for range own {
			fill((size - before) / own)
			for _, id := range ids {
				if _, err := signers(filler).Handle(ctx, id, publish{"x"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		p := newProxy(t, nc.ConnectedUrl(), "DIRECT.GET.EVENTS", "CONSUMER.CREATE", "STREAM.INFO", "MSG.GET")
		l := open(t, p.connect(t), eventlog.Options{})
		for _, id := range ids {
			for i := range p.asked {
				p.asked[i].Store(0)
			}
			if s, _, err := signers(l).Load(ctx, id); err != nil || s.Published != own {
				t.Fatalf("%+v %v", s, err)
			}
			if gets, rest := p.asked[0].Load(), p.asked[1].Load()+p.asked[2].Load()+p.asked[3].Load(); gets != own || rest != 0 {
				t.Errorf("among %d aggregates a load of %d messages took %d gets and %d other requests", size, own, gets, rest)
			}
			p.asked[0].Store(0)
			if _, _, err := signers(l).Load(ctx, id); err != nil {
				t.Fatal(err)
			}
			if gets := p.asked[0].Load(); gets != 1 {
				t.Errorf("a load of what is kept took %d gets, expected the tail alone", gets)
			}
			p.asked[0].Store(0)
			if _, _, err := signers(l).LoadLeader(ctx, id); err != nil {
				t.Fatal(err)
			}
			if gets, leader := p.asked[0].Load(), p.asked[3].Load(); gets != 0 || leader != 1 {
				t.Errorf("a load from the leader took %d gets of any replica and %d of the leader", gets, leader)
			}
		}
	}
	probe(1_000, 0)
	probe(10_000, 1_000)
}
