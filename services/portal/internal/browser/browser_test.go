package browser_test

import (
	"errors"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/testkit"
	"github.com/chancery-dev/chancery/services/portal/internal/browser"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func store(t *testing.T) browser.Store {
	t.Helper()
	s := browser.Store{DB: testkit.Postgres(t), Idle: 30 * time.Minute}
	for range 2 {
		if err := s.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func open(t *testing.T, s browser.Store, before string) string {
	t.Helper()
	secret, err := s.Open(t.Context(), browser.Session{ID: "s-1", PersonID: "p-1", OrganizationID: "o-1", AMR: []string{"pwd"}, Seen: 3, Position: 3,
		ExpiresAt: now.Add(8 * time.Hour), UsedAt: now}, before)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestACookieStandsForASessionUntilItIsReplaced(t *testing.T) {
	s, ctx := store(t), t.Context()
	first := open(t, s, "")
	if x, err := s.Find(ctx, first, now); err != nil || x.ID != "s-1" || x.AuthTime != nil || x.Ends(s.Idle) != now.Add(30*time.Minute) {
		t.Fatalf("%+v %v", x, err)
	}
	second := open(t, s, first)
	if _, err := s.Find(ctx, first, now); !errors.Is(err, browser.ErrNone) || first == second {
		t.Fatal("the cookie from before still stands", err)
	}
	for _, secret := range []string{"", "x", first + "x"} {
		if _, err := s.Find(ctx, secret, now); !errors.Is(err, browser.ErrNone) {
			t.Errorf("%q: %v", secret, err)
		}
	}
	x, err := s.Find(ctx, second, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx, x.Cookie); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(ctx, second, now); !errors.Is(err, browser.ErrNone) {
		t.Fatal(err)
	}
}

func TestASessionEndsIdleOrAtItsEnd(t *testing.T) {
	s, ctx := store(t), t.Context()
	secret, at := open(t, s, ""), now
	if _, err := s.Find(ctx, secret, now.Add(30*time.Minute)); !errors.Is(err, browser.ErrNone) {
		t.Fatal("idle for too long", err)
	}
	for at.Before(now.Add(8*time.Hour - 25*time.Minute)) {
		at = at.Add(25 * time.Minute)
		x, err := s.Find(ctx, secret, at)
		if err != nil {
			t.Fatalf("used every 25 minutes, gone at %s: %v", at, err)
		}
		if end := x.Ends(s.Idle); end.After(x.ExpiresAt) {
			t.Fatal(end)
		}
	}
	if _, err := s.Find(ctx, secret, now.Add(8*time.Hour)); !errors.Is(err, browser.ErrNone) {
		t.Fatal("past its end", err)
	}
}

func TestAPositionOnlyRises(t *testing.T) {
	s, ctx := store(t), t.Context()
	secret := open(t, s, "")
	x, _ := s.Find(ctx, secret, now)
	for _, position := range []uint64{9, 7} {
		if err := s.Reached(ctx, x.Cookie, position); err != nil {
			t.Fatal(err)
		}
	}
	if x, err := s.Find(ctx, secret, now); err != nil || x.Position != 9 {
		t.Fatalf("%+v %v", x, err)
	}
}
