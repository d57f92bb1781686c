package portal_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAPersonSignsInThroughTheirOrganizationsProvider(t *testing.T) { // A1, A5
	s := newScene(t)
	v := s.signIn(noor)
	m := v.me()
	if m.Person.Name != "Noor Haddad" || m.Person.Email != noor || m.Organization.ID != s.northwind || m.Organization.Kind != "partner" ||
		!slices.Equal(m.Roles, []string{"app_owner"}) || m.Session.FreshUntil != nil || time.Until(m.Session.ExpiresAt) > 31*time.Minute {
		t.Fatalf("%+v", m)
	}
	again := s.signIn(noor).me()
	if again.Person.ID != m.Person.ID || again.Session.ID == m.Session.ID {
		t.Fatalf("the same person in another session: %+v then %+v", m, again)
	}
	first := s.admin.me()
	if first.Organization.Kind != "provider" || !slices.Equal(first.Roles, []string{"platform_admin"}) || first.Session.FreshUntil == nil {
		t.Fatalf("the first administrator: %+v", first)
	}
	if r := s.signIn(aino).me(); !slices.Equal(r.Roles, []string{"auditor"}) {
		t.Fatalf("%+v", r)
	}
}

var _ = http.MethodGet
var _ = strings.Contains
