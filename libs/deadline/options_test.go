package deadline_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/deadline"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

func TestDueTimesAreReadOffTheOptions(t *testing.T) {
	at := time.Date(2026, 12, 21, 17, 0, 0, 0, time.UTC)
	stamp := timestamppb.New(at)
	for _, c := range []struct {
		what string
		fact aggregate.Event
		want []deadline.Change
	}{
		{"a node born with its time", &approvalv1.GrantActivated{Until: stamp}, []deadline.Change{{deadline.Set, "grant", "x", at}}},
		{"a numbered part", &issuancev1.CredentialIssued{Generation: 1, ExpiresAt: stamp}, []deadline.Change{{deadline.Set, "generation", "x/1", at}}},
		{"a part that shortens its predecessor", &issuancev1.CredentialRotationStarted{Generation: 3, PreviousGeneration: 2, ExpiresAt: stamp, OverlapEndsAt: stamp},
			[]deadline.Change{{deadline.Set, "generation", "x/3", at}, {deadline.Shorten, "generation", "x/2", at}}},
		{"a node named by a field", &issuancev1.SigningKeyCreated{KeyId: "k", NotAfter: stamp}, []deadline.Change{{deadline.Set, "signing_key", "k", at}}},
		{"a time only the engine watches", &approvalv1.RequestSubmitted{DecideBefore: stamp}, []deadline.Change{{deadline.MoveOrSet, "review", "x", at}}},
		{"another one", &registryv1.VersionDeprecated{SunsetAt: stamp}, []deadline.Change{{deadline.MoveOrSet, "sunset", "x", at}}},
		{"an ending", &approvalv1.GrantRevoked{}, []deadline.Change{{Rule: deadline.End, ID: "x"}}},
		{"an ending of a part", &issuancev1.CredentialRetired{Generation: 2}, []deadline.Change{{Rule: deadline.End, ID: "x/2"}}},
		{"an ending of parts up to one", &issuancev1.CredentialLeakReported{Generation: 2}, []deadline.Change{{Rule: deadline.End, ID: "x/1"}, {Rule: deadline.End, ID: "x/2"}}},
		{"an ending that leaves the node open", &identityv1.PersonSessionsEnded{}, nil},
		{"a time that is not set", &approvalv1.GrantActivated{}, nil},
		{"nothing about time", &approvalv1.GrantNarrowed{}, nil},
	} {
		if diff := cmp.Diff(c.want, deadline.Of("x", c.fact)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}
