package lineage_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/lineage"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

func refs(members []lineage.Member) (all []lineage.Ref) {
	for _, m := range members {
		all = append(all, m.Ref)
	}
	return all
}

func TestATreeIsListedFromAnyNodeDown(t *testing.T) { // L3
	f := chain(t)
	application := []lineage.Ref{ref("application", "a"), ref("request", "r"), ref("grant", "g"), ref("credential", "c"), generation1}
	members := f.Below(start, false, ref("application", "a"))
	if !slices.Equal(refs(members), application) {
		t.Fatalf("below the application: %v", members)
	}
	if !slices.Equal(members[4].Parents, []lineage.Ref{ref("credential", "c")}) || members[4].Standing != lineage.Alive || members[3].Born != 5 {
		t.Fatalf("the generation: %+v", members[4])
	}
	if got := refs(f.Below(start, false, ref("credential", "c"))); !slices.Equal(got, application[3:]) {
		t.Fatalf("below the credential: %v", got)
	}
	if got := f.Below(start, false, ref("application", "nobody")); got != nil {
		t.Fatalf("below nothing: %v", got)
	}
	if got := f.Above(generation1, "organization"); !slices.Equal(got, []lineage.Ref{ref("organization", "o")}) {
		t.Fatalf("above the generation: %v", got)
	}
}

func TestWhatWasMadeInASessionIsListedWhereAsked(t *testing.T) { // A17
	f := tell(t).that("organization", "o", 0, &identityv1.OrganizationRegistered{})
	e := &eventv1.Envelope{Subject: &eventv1.Subject{Kind: "credential", Id: "c"}, Seen: 1, Actor: &eventv1.Actor{Kind: "person", Id: "p", Session: "s"}}
	if err := f.Apply(2, start, e, []proto.Message{&issuancev1.CredentialIssued{OrganizationId: "o", Generation: 1}}); err != nil {
		t.Fatal(err)
	}
	if got := f.Below(start, false, ref("person", "p")); got != nil {
		t.Fatalf("whose it is: %v", got)
	}
	if got := refs(f.Below(start, true, ref("person", "p"))); !slices.Equal(got, []lineage.Ref{ref("credential", "c"), generation1}) {
		t.Fatalf("whose hands it was made by: %v", got)
	}
}

func TestACensusTellsWhatEndedSince(t *testing.T) { // L3
	f := chain(t).that("application", "a", 5, &registryv1.ApplicationSuspended{})
	before := f.Census(start)
	f.that("application", "a", 6, &registryv1.ApplicationResumed{})
	if got := before.Ended(); got != nil {
		t.Fatalf("nothing ended: %v", got)
	}
	f.that("organization", "o", 7, &identityv1.OrganizationClosed{})
	got := before.Ended()
	if len(got) != 6 || got[5].Ref != generation1 || got[5].Standing != lineage.Held || got[0].Standing != lineage.Alive || got[5].Ended != 8 {
		t.Fatalf("the organisation took along %v", got)
	}
	if again := f.Census(start).Ended(); again != nil {
		t.Fatalf("the dead died: %v", again)
	}
	if late := chain(t).Census(start.Add(31 * time.Minute)); late.Ended() != nil {
		t.Fatal("time ended something")
	}
}

func TestAPauseHidesNoEnding(t *testing.T) {
	f := chain(t).that("application", "a", 5, &registryv1.ApplicationSuspended{})
	claim := lineage.Claim{Ref: ref("token", "t"), Seen: 5, Expires: start.Add(time.Minute), Ancestors: []lineage.Ref{generation1}}
	if s := f.Stands(claim, start); s != lineage.Held {
		t.Fatalf("under a paused application: %s", s)
	}
	f.that("organization", "o", 6, &identityv1.OrganizationClosed{})
	if s := f.Stands(claim, start); s != lineage.Gone {
		t.Fatalf("under a closed organisation: %s", s)
	}
}
