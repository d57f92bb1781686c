package credential_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"

	"github.com/chancery-dev/chancery/libs/testkit"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

func TestALeakGivesTheOwnersNoticeInTheSameDecision(t *testing.T) { // L11, D13
	since := now.Add(-time.Hour)
	leaked := credential.ReportLeak{Generation: 1, Source: "github", FoundAt: "https://x", ExposedSince: since, ReportID: "r", OwnerID: "o1", BackupOwnerID: "o2"}
	reported := &issuancev1.CredentialLeakReported{Generation: 1, Source: "github", FoundAt: "https://x", ExposedSince: timestamppb.New(since), ReportId: "r"}
	notice := &issuancev1.CredentialOwnersNotified{Generation: 1, ApplicationId: "a", OwnerId: "o1", BackupOwnerId: "o2", Reason: "leaked", ReportId: "r"}
	testkit.Given[credential.State](t, issued()).When(leaked).Then(reported, notice)
	testkit.Given[credential.State](t, issued(), reported).When(leaked).Then() // once for each secret

	sensitive := issued()
	sensitive.Class = "sensitive"
	testkit.Given[credential.State](t, sensitive).When(leaked).Then(reported, &issuancev1.CredentialRevoked{Reason: "suspected_leak"}, notice)
	imported := issued()
	imported.ImportedFrom = "kong"
	testkit.Given[credential.State](t, imported).When(leaked).Then(reported, &issuancev1.CredentialRevoked{Reason: "suspected_leak"}, notice)
	// Its successor is not the leaked one and goes on.
	testkit.Given[credential.State](t, sensitive, &issuancev1.CredentialRotationStarted{Generation: 2, PreviousGeneration: 1, ExpiresAt: later(time.Hour), OverlapEndsAt: later(time.Minute)}).
		When(leaked).Then(reported, notice)
}
