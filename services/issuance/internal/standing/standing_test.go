package standing_test

import (
	"testing"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/standing"
)

func TestWhoAnswersForAnApplicationFollowsTheFacts(t *testing.T) { // B2
	var f standing.Fold
	registered := &registryv1.ApplicationRegistered{OrganizationId: "o", OwnerId: "ada", BackupOwnerId: "ben"}
	for _, step := range []struct {
		fact   aggregate.Event
		owners int
		state  string
	}{
		{registered, 2, "active"},
		{&registryv1.ApplicationOrphaned{Seat: "owner"}, 1, "active"},
		{&registryv1.ApplicationOrphaned{Seat: "backup_owner"}, 0, "active"},
		{&registryv1.ApplicationOwnerAssigned{Seat: "backup_owner", PersonId: "cem"}, 1, "active"},
		{&registryv1.ApplicationSuspended{}, 1, "suspended"},
		{&registryv1.ApplicationResumed{}, 1, "active"},
		{&registryv1.ApplicationDisabled{}, 1, "disabled"},
		{&registryv1.ApplicationEnabled{}, 1, "active"},
		{&registryv1.ApplicationOffboarded{}, 1, "offboarded"},
	} {
		record := eventlog.Recorded{Envelope: &eventv1.Envelope{Subject: &eventv1.Subject{Kind: "application", Id: "a"}}, Facts: []aggregate.Event{step.fact}}
		if err := f.Apply(t.Context(), []eventlog.Recorded{record}); err != nil {
			t.Fatal(err)
		}
		a, found := f.Application("a")
		if !found || a.Owners() != step.owners || a.State != step.state {
			t.Fatalf("after %T: %+v", step.fact, a)
		}
	}
	if _, found := f.Application("another"); found {
		t.Fatal("an application nobody registered was found")
	}
}
