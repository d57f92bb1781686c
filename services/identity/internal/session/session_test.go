package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/testkit"
	"github.com/chancery-dev/chancery/services/identity/internal/session"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func store(t *testing.T) session.Store {
	t.Helper()
	s := session.Store{DB: testkit.Postgres(t)}
	for range 2 {
		if err := s.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func begun(id, person string) session.Session {
	return session.Session{ID: id, PersonID: person, OrganizationID: "northwind", Issuer: "https://sso", ACR: "1", AMR: []string{"pwd"},
		StartedAt: now, ExpiresAt: now.Add(8 * time.Hour), Seen: 7, IP: "192.0.2.1", UserAgent: "test"}
}

func TestASignInEndsOnceInItsOwnBrowser(t *testing.T) { // A1
	s, ctx := store(t), t.Context()
	in := session.SignIn{OrganizationID: "northwind", Nonce: "n", Verifier: "v", ReturnTo: "/x", StartedAt: now}
	if err := s.Begin(ctx, "state", "browser", in); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(ctx, "state", "another browser", now); !errors.Is(err, session.ErrUnknown) {
		t.Fatal("another browser took it", err)
	}
	if _, err := s.Take(ctx, "another state", "browser", now); !errors.Is(err, session.ErrUnknown) {
		t.Fatal("another state took it", err)
	}
	got, err := s.Take(ctx, "state", "browser", now)
	if err != nil || got.Nonce != "n" || got.Verifier != "v" || got.ReturnTo != "/x" || !got.StartedAt.Equal(now) {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := s.Take(ctx, "state", "browser", now); !errors.Is(err, session.ErrUnknown) {
		t.Fatal("taken twice", err)
	}
	if err := s.Begin(ctx, "late", "browser", in); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(ctx, "late", "browser", now.Add(session.SignInFor)); !errors.Is(err, session.ErrUnknown) {
		t.Fatal("taken late", err)
	}
}

func TestASessionIsFetchedOnce(t *testing.T) {
	s, ctx := store(t), t.Context()
	if err := s.Start(ctx, begun("s-1", "ana"), "code"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Redeem(ctx, "another code", now); !errors.Is(err, session.ErrUnknown) {
		t.Fatal(err)
	}
	got, err := s.Redeem(ctx, "code", now)
	if err != nil || got.ID != "s-1" || got.Seen != 7 || got.AuthTime != nil || len(got.AMR) != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := s.Redeem(ctx, "code", now); !errors.Is(err, session.ErrUnknown) {
		t.Fatal("fetched twice", err)
	}
	if err := s.Confirm(ctx, "s-1", "2", []string{"pwd", "otp", "mfa"}, now.Add(time.Hour), now.Add(time.Hour), "again"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Redeem(ctx, "again", now.Add(time.Hour+session.HandoffFor)); !errors.Is(err, session.ErrUnknown) {
		t.Fatal("fetched late", err)
	}
	if got, err = s.Find(ctx, "s-1", now); err != nil || got.ACR != "2" || !got.AuthTime.Equal(now.Add(time.Hour)) {
		t.Fatalf("%+v %v", got, err)
	}
	if err := s.Confirm(ctx, "s-2", "2", nil, now, now, "c"); !errors.Is(err, session.ErrUnknown) {
		t.Fatal(err)
	}
}

func TestWhatIsOverIsForgotten(t *testing.T) { // X7
	s, ctx := store(t), t.Context()
	for id, person := range map[string]string{"s-1": "ana", "s-2": "ana", "s-3": "bea"} {
		if err := s.Start(ctx, begun(id, person), id); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := s.Of(ctx, "ana", now, 10); err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if last, err := s.LastSignIns(ctx, []string{"ana", "bea", "cy"}); err != nil || len(last) != 2 || !last["ana"].Equal(now) {
		t.Fatal(last, err)
	}
	if err := s.Forget(ctx, "ana"); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Of(ctx, "ana", now, 10); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	if _, err := s.Find(ctx, "s-3", now.Add(8*time.Hour)); !errors.Is(err, session.ErrUnknown) {
		t.Fatal("an expired session was found", err)
	}
	if err := s.Sweep(ctx, now.Add(8*time.Hour+session.KeptFor+time.Second)); err != nil {
		t.Fatal(err)
	}
	if last, err := s.LastSignIns(ctx, []string{"bea"}); err != nil || len(last) != 0 {
		t.Fatal(last, err)
	}
}
