package issuance_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// eventually asks until the answer is yes.
func (s *scene) eventually(what string, yes func() bool) {
	s.Helper()
	for end := time.Now().Add(servicetest.Patience); !yes(); {
		if time.Now().After(end) {
			s.Fatalf("never: %s", what)
		}
	}
}

// records is the whole log.
func (s *scene) records() (all []eventlog.Recorded) {
	s.Helper()
	log := s.suite.Log("issuance")
	tail, err := log.Tail(s.Context())
	if err == nil {
		err = log.Follow(s.Context(), 0, func(_ context.Context, batch []eventlog.Recorded) error {
			if all = append(all, batch...); all[len(all)-1].Sequence >= tail {
				return eventlog.ErrStop
			}
			return nil
		})
	}
	if err != nil {
		s.Fatal(err)
	}
	return all
}

// recorded are the facts of one type about one subject; about any where id is empty.
func recorded[T proto.Message](s *scene, id string) (found []T) {
	s.Helper()
	for _, r := range s.records() {
		for _, fact := range r.Facts {
			if f, ok := fact.(T); ok && (id == "" || r.Envelope.GetSubject().GetId() == id) {
				found = append(found, f)
			}
		}
	}
	return found
}

func TestEverythingEndsInTime(t *testing.T) { // D1, D2, C6, L9, trap: expiry emits an event
	s := newScene(t)
	short := s.want(s.issue("api_key", s.grant), 201, "").body["id"].(string)
	turned := s.want(s.issue("client_secret", s.grant), 201, "").body["id"].(string)
	s.want(s.call(&s.owner, "POST", "/v1/credentials/"+turned+"/rotate", map[string]any{"overlap_seconds": 600}), 201, "")
	live := func(kind, id string) bool {
		return s.running.Deps.Lineage.Live(lineage.Ref{Kind: kind, ID: id}, s.suite.Clock()) == nil
	}

	s.ahead.Store(int64(601 * time.Second))
	if live("generation", turned+"/1") || !live("generation", turned+"/2") {
		t.Fatal("an old secret works after its overlap, or the new one does not")
	}
	s.eventually("the old secret retires", func() bool { return len(recorded[*issuancev1.CredentialRetired](s, turned)) > 0 })
	if f := recorded[*issuancev1.CredentialRetired](s, turned)[0]; f.Generation != 1 || f.Reason != "overlap_ended" {
		t.Fatalf("retired %v", f)
	}

	s.ahead.Store(int64(240*time.Hour + time.Minute)) // the grant ends at 240 hours, and with it both credentials
	if live("generation", short+"/1") || live("generation", turned+"/2") {
		t.Fatal("a secret works after its expiry")
	}
	s.eventually("both credentials expire", func() bool {
		return len(recorded[*issuancev1.CredentialExpired](s, short)) > 0 && len(recorded[*issuancev1.CredentialExpired](s, turned)) > 0
	})
	s.eventually("the authorization closes", func() bool { return len(recorded[*issuancev1.AuthorizationClosed](s, s.grant)) > 0 })

	keys := recorded[*issuancev1.SigningKeyActivated](s, "")
	s.ahead.Store(int64(30*24*time.Hour + time.Minute))
	s.eventually("another signing key signs and the old one retires", func() bool {
		retired := recorded[*issuancev1.SigningKeyRetired](s, keys[0].KeyId)
		return len(recorded[*issuancev1.SigningKeyActivated](s, "")) == 2 && len(retired) == 1
	})
	for _, id := range []string{short, turned} {
		if n := len(recorded[*issuancev1.CredentialExpired](s, id)); n != 1 {
			t.Errorf("credential %s expired %d times", id, n)
		}
	}
}

func TestWhenACredentialWasLastUsedIsShown(t *testing.T) { // D18
	s := newScene(t)
	issued := s.want(s.issue("api_key", s.grant), 201, "")
	credential := issued.body["id"].(string)
	at := "/v1/credentials/" + credential
	if r := s.want(s.call(&s.owner, "GET", at, nil, "Chancery-Position", issued.header.Get("Chancery-Position")), 200, ""); r.body["last_used_at"] != nil {
		t.Fatalf("a new credential was used: %v", r.body)
	}
	used := time.Now().UTC().Truncate(time.Second)
	for _, last := range []time.Time{used, used.Add(-time.Hour)} { // windows of several authorizers come in any order
		ctx := eventlog.WithMeta(s.Context(), eventlog.Meta{Actor: &eventv1.Actor{Id: credential, Kind: "client"}})
		if err := s.suite.Log("gateway").Observe(ctx, "usage", &activityv1.UsageWindow{CredentialId: credential, Generation: 1, Count: 3, LastAt: timestamppb.New(last)}); err != nil {
			t.Fatal(err)
		}
	}
	s.eventually("the use is shown", func() bool {
		return s.want(s.call(&s.owner, "GET", at, nil), 200, "").body["last_used_at"] == used.Format(time.RFC3339)
	})
	listed := s.want(s.call(&s.owner, "GET", "/v1/credentials", nil), 200, "").body["items"].([]any)
	if got := listed[0].(map[string]any)["last_used_at"]; got != used.Format(time.RFC3339) {
		t.Fatalf("the list says %v", got)
	}
}

func TestWhatSomebodyLeftBehindIsErasedWithThem(t *testing.T) { // L6
	s := newScene(t)
	credential := s.want(s.issue("api_key", s.grant), 201, "").body["id"].(string)
	opened := func() (ip string, erased int) {
		s.Helper()
		opener := eventlog.NewOpener(s.running.Deps.Vault)
		for _, r := range s.records() {
			if r.Envelope.GetSubject().GetId() == credential {
				read, gone, err := opener.Open(s.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				return read.Envelope.GetSource().GetIp(), len(gone)
			}
		}
		return "", 0
	}
	if ip, erased := opened(); ip != "127.0.0.1" || erased != 0 {
		t.Fatalf("before: address %q, %d erased", ip, erased)
	}
	s.suite.Append("identity", "person", s.owner.ID, &identityv1.PersonErased{})
	s.suite.Settle(t, s.running)
	if ip, erased := opened(); ip != "" || erased == 0 {
		t.Fatalf("after: address %q, %d erased", ip, erased)
	}
	s.want(s.call(&s.second, "POST", "/v1/credentials/"+credential+"/revoke", map[string]any{"reason": "owner_left"}), 200, "")
}
