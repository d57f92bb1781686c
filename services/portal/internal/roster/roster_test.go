package roster_test

import (
	"slices"
	"testing"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/portal/internal/roster"
)

func of(organization string, facts ...aggregate.Event) eventlog.Recorded {
	return eventlog.Recorded{Envelope: &eventv1.Envelope{Subject: &eventv1.Subject{Kind: "organization", Id: organization}}, Facts: facts}
}

func granted(role string) aggregate.Event {
	return &identityv1.OrganizationRoleGranted{PersonId: "ana", Role: role}
}

func TestRolesAreThoseOfOneOrganizationNow(t *testing.T) {
	var r roster.Roster
	batch := []eventlog.Recorded{of("a", granted("viewer"), granted("app_owner"), granted("viewer")), of("b", granted("org_admin"), nil)}
	if err := r.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	before := r.Of("a", "ana")
	if !slices.Equal(before, []string{"app_owner", "viewer"}) || !slices.Equal(r.Of("b", "ana"), []string{"org_admin"}) || r.Of("a", "bea") != nil {
		t.Fatal(before, r.Of("b", "ana"))
	}
	gone := []eventlog.Recorded{of("a", &identityv1.OrganizationRoleRevoked{PersonId: "ana", Role: "app_owner"}), of("b", &identityv1.OrganizationRoleRevoked{PersonId: "ana", Role: "org_admin"})}
	if err := r.Apply(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Of("a", "ana"), []string{"viewer"}) || r.Of("b", "ana") != nil || len(before) != 2 {
		t.Fatal(r.Of("a", "ana"), before)
	}
}
