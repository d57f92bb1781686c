package portal_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/libs/eventlog"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// observations are all of ACTIVITY until enough of them are there.
func (s *scene) observations(enough func([]eventlog.Recorded) bool) []eventlog.Recorded {
	s.Helper()
	var all []eventlog.Recorded
	err := s.identity.Deps.Log.FollowActivity(s.Context(), 0, func(_ context.Context, batch []eventlog.Recorded) error {
		all = append(all, batch...)
		if enough(all) {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return all
}

func TestEverySignInIsRecordedBeforeThereIsASession(t *testing.T) { // G1
	s := newScene(t)
	m := s.signIn(noor).me()
	s.visitor(noor).walk("/auth/start?organization=" + s.northwind + "&login_hint=error:access_denied")
	var succeeded, confirmed, failed *eventlog.Recorded
	s.observations(func(all []eventlog.Recorded) bool {
		for i, r := range all {
			for _, fact := range r.Facts {
				switch e := fact.(type) {
				case *activityv1.SignInSucceeded:
					if e.PersonId == m.Person.ID {
						succeeded = &all[i]
					}
				case *activityv1.StepUpSucceeded:
					confirmed = &all[i]
				case *activityv1.SignInFailed:
					failed = &all[i]
				}
			}
		}
		return succeeded != nil && confirmed != nil && failed != nil
	})
	e := succeeded.Envelope
	if e.GetActor().GetId() != m.Person.ID || e.GetActor().GetSession() != m.Session.ID || e.GetSubject().GetKind() != "session" || e.GetSubject().GetId() != m.Session.ID ||
		e.GetOrganization() != s.northwind || e.GetSeen() == 0 || e.GetSource().GetRequestId() == "" || e.GetAssurance().GetAmr()[0] != "pwd" {
		t.Errorf("%v", e)
	}
	if e.GetSource().GetIp() != "" || len(e.GetSealed()) == 0 {
		t.Errorf("the trace is not sealed: %v", e)
	}
	if f := failed.Envelope; f.GetSubject().GetKind() != "organization" || f.GetSubject().GetId() != s.northwind || failed.Facts[0].(*activityv1.SignInFailed).Reason != "idp_error" {
		t.Errorf("%v", f)
	}
	if c := confirmed.Envelope; c.GetAssurance().GetAcr() == "" || c.GetSubject().GetKind() != "session" {
		t.Errorf("%v", c)
	}
}

func TestNoFactHoldsANameInClear(t *testing.T) { // X7
	s := newScene(t)
	s.signIn(noor)
	tail, err := s.identity.Deps.Log.Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	people := 0
	err = s.identity.Deps.Log.Follow(t.Context(), 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			for _, f := range r.Facts {
				if _, ok := f.(*identityv1.PersonProvisioned); ok {
					people++
				}
			}
			for _, word := range []string{"Noor", "noor@", "127.0.0.1\"", "Go-http-client"} {
				if strings.Contains(string(r.Raw), word) {
					t.Errorf("position %d holds %q", r.Sequence, word)
				}
			}
			if r.Sequence >= tail {
				return eventlog.ErrStop
			}
		}
		return nil
	})
	if err != nil || people != 2 {
		t.Fatal(people, err)
	}
}

func TestTheErasedAreForgotten(t *testing.T) { // X7
	s := newScene(t)
	m := s.signIn(noor).me()
	s.admin.want(200, "", "POST", "/api/identity/v1/people/"+m.Person.ID+"/erase", reason("asked for it"))
	got := s.admin.want(200, "", "GET", "/api/identity/v1/people/"+m.Person.ID, nil)
	if strings.Contains(got.body, "Noor") || strings.Contains(got.body, noor) || !strings.Contains(got.body, `"state":"erased"`) {
		t.Fatal(got.body)
	}
	for _, service := range []*eventlog.Vault{s.identity.Deps.Vault} {
		for _, kind := range []string{"link", "person_link", "profile"} {
			names, err := service.List(t.Context(), kind)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				if kind == "person_link" && name == m.Person.ID {
					t.Errorf("%s still leads somewhere", name)
				}
			}
		}
	}
	var tables []string
	db := s.identity.Deps.DB
	if err := db.Select(&tables, `select tablename from pg_tables where schemaname=current_schema()`); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		var found int
		if err := db.Get(&found, `select count(*) from `+table+` x where x::text ilike '%noor%'`); err != nil || found != 0 {
			t.Errorf("%s holds %d rows with the name: %v", table, found, err)
		}
	}
	// The provider still vouches for somebody of that name: a new person, of whom nothing is known.
	again := s.signIn(noor).me()
	if again.Person.ID == m.Person.ID {
		t.Fatal("the erased came back")
	}
}

func TestAPersonsProfileFollowsTheirProvider(t *testing.T) {
	s := newScene(t)
	v := s.signIn(noor)
	before := v.me()
	s.idp.Rename(noor, "Noor Haddad-Lund")
	if m := s.signIn(noor).me(); m.Person.Name != "Noor Haddad-Lund" || m.Person.ID != before.Person.ID {
		t.Fatalf("%+v", m)
	}
}
