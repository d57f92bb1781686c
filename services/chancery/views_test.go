package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/chancery/internal/kill"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

// Every view of every service is dropped, with what the service knows of how far it was, and made again of the log: the
// rows and the tree's hashes are the same. VAULT and AUDIT are kept, since they are no views (X2).
func TestEveryViewThatIsDroppedIsMadeAgainTheSame(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := folder(t)
	live(t, ctx, dir)
	before := map[string]projection.Verdict{}
	look(t, ctx, dir, func(i *service.Inspection) error {
		for _, v := range i.Views {
			verdict, err := projection.Verify(ctx, i.Deps.DB, v.Follow, v.View)
			if err != nil {
				return err
			}
			before[i.Deps.Name+"."+v.Name] = verdict
		}
		tables := []string{"projection_checkpoints", "projection_views", "projection_policies"}
		for _, v := range i.Views {
			tables = append(tables, v.Tables()...)
		}
		if len(i.Views) == 0 {
			return nil
		}
		for n, table := range tables {
			tables[n] = pq.QuoteIdentifier(table)
		}
		_, err := i.Deps.DB.ExecContext(ctx, `drop table `+strings.Join(tables, ", ")+` cascade`)
		return err
	})
	if len(before) < 20 {
		t.Fatalf("only %d views were found", len(before))
	}
	restart(t, ctx, dir)
	whole(t, ctx, dir)
	look(t, ctx, dir, func(i *service.Inspection) error {
		for _, v := range i.Views {
			name := i.Deps.Name + "." + v.Name
			was := before[name]
			// The start itself may have added to the log: compared is what the view is of the same position.
			again, err := projection.Derive(ctx, i.Deps.DB, v.Follow, v.View, was.Position)
			if err != nil {
				return err
			}
			if again != was.Found {
				t.Errorf("%s at #%d held %+v, and holds %+v when it is made again", name, was.Position, was.Found, again)
			}
		}
		return nil
	})
}

// live starts a suite, lives two lifecycles in it and stops it.
func live(t *testing.T, ctx context.Context, dir string) {
	t.Run("live", func(t *testing.T) {
		s := splitSuite(t, ctx, suite.Options{Dir: dir})
		load, err := kill.Prepare(ctx, s.Portal, s.IdP, s.Gateway)
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		worked := make(chan error, 1)
		go func() { worked <- load.Work(ctx, stop) }()
		wait(t, worked, time.Minute, func() bool { lives, _ := load.Completed(); return lives >= 2 })
		close(stop)
		if err := <-worked; err != nil {
			t.Fatal(err)
		}
	})
}

// restart starts the suite, lets it become ready and stops it.
func restart(t *testing.T, ctx context.Context, dir string) {
	t.Run("again", func(t *testing.T) { splitSuite(t, ctx, suite.Options{Dir: dir}) })
}

// look looks at every service of a suite that does not run.
func look(t *testing.T, ctx context.Context, dir string, at func(*service.Inspection) error) {
	t.Helper()
	stores, err := suite.OpenStores(ctx, suite.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer stores.Close(ctx)
	if err := stores.Each(ctx, "", at); err != nil {
		t.Fatal(err)
	}
}
