package underway_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/testkit"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func store(t *testing.T) underway.Store {
	t.Helper()
	s := underway.Store{DB: testkit.Postgres(t)}
	for range 2 {
		if err := s.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestAPushedRequestIsUsedOnceByItsClient(t *testing.T) { // RFC 9126 §2.2
	s, ctx := store(t), t.Context()
	handle := must[string](t)(s.Push(ctx, underway.Request{ClientID: "c", State: "x", MaxAge: -1}, now))
	for name, f := range map[string]func() (underway.Request, error){
		"another client": func() (underway.Request, error) { return s.Pull(ctx, handle, "d", now) },
		"too late":       func() (underway.Request, error) { return s.Pull(ctx, handle, "c", now.Add(underway.PushedFor)) },
		"never pushed":   func() (underway.Request, error) { return s.Pull(ctx, "h", "c", now) },
	} {
		if _, err := f(); !errors.Is(err, underway.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := s.Show(ctx, handle, "s", now); !errors.Is(err, underway.ErrUnknown) {
		t.Errorf("a pushed request was shown: %v", err)
	}
	if r := must[underway.Request](t)(s.Pull(ctx, handle, "c", now)); r.State != "x" || r.MaxAge != -1 {
		t.Fatalf("%+v", r)
	}
	if _, err := s.Pull(ctx, handle, "c", now); !errors.Is(err, underway.ErrUnknown) {
		t.Fatalf("used twice: %v", err)
	}
}

func TestARequestIsDecidedOnceInTheSessionItWasShownTo(t *testing.T) {
	s, ctx := store(t), t.Context()
	handle := must[string](t)(s.Open(ctx, underway.Request{ClientID: "c", Scopes: []string{"a"}}, now))
	_, key, err := s.Show(ctx, handle, "s1", now)
	if err != nil || key == "" {
		t.Fatal(key, err)
	}
	if _, again, err := s.Show(ctx, handle, "s1", now); err != nil || again != key {
		t.Fatal("shown again it has another key", err)
	}
	if _, _, err := s.Show(ctx, handle, "s2", now); !errors.Is(err, underway.ErrUnknown) {
		t.Fatalf("another session sees it: %v", err)
	}
	for _, wrong := range [][2]string{{"s2", key}, {"s1", "x"}, {"", key}} {
		if _, err := s.Close(ctx, handle, wrong[0], wrong[1], now); !errors.Is(err, underway.ErrUnknown) {
			t.Errorf("closed by %q: %v", wrong, err)
		}
	}
	must[underway.Request](t)(s.Close(ctx, handle, "s1", key, now))
	if _, err := s.Close(ctx, handle, "s1", key, now); !errors.Is(err, underway.ErrUnknown) {
		t.Fatalf("closed twice: %v", err)
	}
}

func TestACodeIsKnownAfterItsTime(t *testing.T) {
	s, ctx := store(t), t.Context()
	want := underway.Code{ConsentID: "k", Request: underway.Request{ClientID: "c", Challenge: "h"}, Decision: underway.Decision{PersonID: "p", Seen: 7}}
	if err := s.Allow(ctx, "code", want, now); err != nil {
		t.Fatal(err)
	}
	c := must[underway.Code](t)(s.Code(ctx, "code", now.Add(time.Hour)))
	if c.ConsentID != "k" || c.Request.Challenge != "h" || c.Decision.Seen != 7 || !c.ExpiresAt.Equal(now.Add(underway.CodeFor)) {
		t.Fatalf("%+v", c)
	}
	if _, err := s.Code(ctx, "code", now.Add(25*time.Hour)); !errors.Is(err, underway.ErrUnknown) {
		t.Fatal(err)
	}
}

func TestADeviceWaitsAndIsSlowedDown(t *testing.T) { // RFC 8628 §3.5
	s, ctx := store(t), t.Context()
	device, user, err := s.Await(ctx, underway.Request{ClientID: "c", Scopes: []string{"a"}}, now)
	if err != nil {
		t.Fatal(err)
	}
	poll := func(at time.Duration) (string, time.Duration, error) {
		t.Helper()
		_, state, pause, err := s.Poll(ctx, device, "c", now.Add(at))
		return state, pause, err
	}
	for _, step := range []struct {
		at    time.Duration
		pause time.Duration
		err   error
	}{{0, 5 * time.Second, nil}, {5 * time.Second, 5 * time.Second, nil}, {6 * time.Second, 10 * time.Second, underway.ErrHasty}, {12 * time.Second, 15 * time.Second, underway.ErrHasty}, {27 * time.Second, 15 * time.Second, nil}} {
		if state, pause, err := poll(step.at); state != underway.Waiting || pause != step.pause || !errors.Is(err, step.err) {
			t.Fatalf("after %s: %s %s %v", step.at, state, pause, err)
		}
	}
	if _, _, _, err := s.Poll(ctx, device, "d", now); !errors.Is(err, underway.ErrUnknown) {
		t.Fatalf("another client asks: %v", err)
	}
	r := must[underway.Request](t)(s.Typed(ctx, user, now))
	if err := s.Decide(ctx, r.Device, underway.Allowed, underway.Decision{PersonID: "p"}, now); err != nil {
		t.Fatal(err)
	}
	if err := s.Decide(ctx, r.Device, underway.Denied, underway.Decision{}, now); !errors.Is(err, underway.ErrUnknown) {
		t.Fatalf("decided twice: %v", err)
	}
	if _, err := s.Typed(ctx, user, now); !errors.Is(err, underway.ErrUnknown) {
		t.Fatalf("still to be decided: %v", err)
	}
	c, state, _, err := s.Poll(ctx, device, "c", now.Add(28*time.Second))
	if err != nil || state != underway.Allowed || c.Decision.PersonID != "p" || c.ConsentID == "" {
		t.Fatalf("%+v %s %v", c, state, err)
	}
}

func TestAUserCodeIsReadAsPeopleTypeIt(t *testing.T) {
	for typed, want := range map[string]string{"bcdf-ghjk": "BCDF-GHJK", " BCDF GHJK ": "BCDF-GHJK", "bcdfghjk": "BCDF-GHJK", "BCDF-GHJA": "", "BCDFGHJ": "", "": "", "BCDFGHJKL": "", "BCDF-GHJ\x00": ""} {
		if got, ok := underway.UserCode(typed); got != want || ok != (want != "") {
			t.Errorf("%q is %q", typed, got)
		}
	}
}

func FuzzUserCode(f *testing.F) {
	f.Add("BCDF-GHJK")
	f.Add("bcdf ghjk")
	f.Fuzz(func(t *testing.T, typed string) {
		if code, ok := underway.UserCode(typed); ok && (len(code) != 9 || code[4] != '-' || strings.ToUpper(code) != code) {
			t.Fatalf("%q is %q", typed, code)
		}
	})
}
