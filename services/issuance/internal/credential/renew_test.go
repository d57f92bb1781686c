package credential_test

import (
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/testkit"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

func TestAMachineRenewsInTheLastThirdOfItsLife(t *testing.T) { // D2
	late := now.Add(16 * time.Hour)
	s := testkit.Given[credential.State](t, issued())
	s.When(credential.Renew{Generation: 1, Now: late.Add(-time.Second), Allowance: allow, Secret: second}).Refused(credential.ErrTooEarly)
	s.When(credential.Renew{Generation: 2, Now: late, Allowance: allow, Secret: second}).Refused(credential.ErrNoGeneration)
	s.When(credential.Renew{Generation: 1, Now: late, Allowance: allow, Secret: second}).Then(&issuancev1.CredentialRotationStarted{
		Generation: 2, PreviousGeneration: 1, Hint: "chy_test_efgh", Fingerprint: []byte{2}, Reason: "renewed",
		ExpiresAt: later(40 * time.Hour), OverlapEndsAt: later(24 * time.Hour), StartsAt: later(16 * time.Hour),
	})
	// Whoever did not get the answer asks again, for ten minutes.
	s.When(credential.Renew{Generation: 1, Now: late.Add(10 * time.Minute), Allowance: allow, Secret: third}).Refused(credential.ErrSuperseded)
	s.When(credential.Renew{Generation: 1, Now: late.Add(time.Minute), Allowance: allow, Secret: third}).Then(
		&issuancev1.CredentialRetired{Generation: 2, Reason: "unused"},
		&issuancev1.CredentialRotationStarted{
			Generation: 3, PreviousGeneration: 1, Hint: "chy_test_ijkl", Fingerprint: []byte{3}, Reason: "renewed",
			ExpiresAt: later(40*time.Hour + time.Minute), OverlapEndsAt: later(24 * time.Hour), StartsAt: later(16*time.Hour + time.Minute),
		})
}

func TestADeadSecretRenewsNothing(t *testing.T) { // traps: renewing must not revive expired keys; rotating a dead key must fail in the decision
	late := now.Add(20 * time.Hour)
	renew := credential.Renew{Generation: 1, Now: late, Allowance: allow, Secret: second}
	testkit.Given[credential.State](t, issued(), &issuancev1.CredentialRevoked{Reason: "policy"}).When(renew).Refused(credential.ErrDead)
	testkit.Given[credential.State](t, issued(), &issuancev1.CredentialExpired{}).When(renew).Refused(credential.ErrDead)
	testkit.Given[credential.State](t, issued(), &issuancev1.CredentialLeakReported{Generation: 1}).When(renew).Refused(credential.ErrDead)
	renew.Now = now.Add(24 * time.Hour)
	testkit.Given[credential.State](t, issued()).When(renew).Refused(credential.ErrDead)
	imported := issued()
	imported.ImportedFrom = "kong"
	renew.Now = late
	testkit.Given[credential.State](t, imported).When(renew).Refused(credential.ErrImported)
}

func TestARenewalStaysInsideGrantAndClass(t *testing.T) { // D1, D2
	renew := credential.Renew{Generation: 1, Now: now.Add(20 * time.Hour), Allowance: allow, Secret: second}
	renew.Allowance.Until = now.Add(30 * time.Hour)
	s := testkit.Given[credential.State](t, issued()).When(renew)
	s.Then(&issuancev1.CredentialRotationStarted{
		Generation: 2, PreviousGeneration: 1, Hint: "chy_test_efgh", Fingerprint: []byte{2}, Reason: "renewed",
		ExpiresAt: later(30 * time.Hour), OverlapEndsAt: later(24 * time.Hour), StartsAt: later(20 * time.Hour),
	})
	renew.Allowance.Until = now.Add(24 * time.Hour)
	testkit.Given[credential.State](t, issued()).When(renew).Refused(credential.ErrGrantEnds)
	renew.Allowance = allow
	renew.Allowance.Owners = 1
	testkit.Given[credential.State](t, issued()).When(renew).Refused(credential.ErrNoOwner)
}

func TestANarrowedCredentialNeverWidens(t *testing.T) { // D21
	s := testkit.Given[credential.State](t, issued())
	s.When(credential.Narrow{Scopes: []string{"payments:write"}, Reason: "unused"}).Refused(credential.ErrNotNarrower)
	s.When(credential.Narrow{Scopes: allow.Scopes, Reason: "unused"}).Then()
	s.When(credential.Narrow{ExpiresAt: now.Add(99 * time.Hour), Reason: "policy_changed"}).Then()
	s.When(credential.Narrow{Scopes: []string{"accounts:read"}, ExpiresAt: now.Add(time.Hour), Reason: "policy_changed"}).
		Then(&issuancev1.CredentialNarrowed{Scopes: []string{"accounts:read"}, ExpiresAt: later(time.Hour), Generation: 1, Reason: "policy_changed"})
	if got := s.State(); !got.ExpiresAt.Equal(now.Add(time.Hour)) || len(got.Scopes) != 1 {
		t.Fatalf("narrowed to %v until %s", got.Scopes, got.ExpiresAt)
	}
	s.When(credential.Narrow{Scopes: allow.Scopes, Reason: "requested"}).Refused(credential.ErrNotNarrower)
}

func TestASecretIsDeliveredOrItsGenerationEnds(t *testing.T) { // D11
	to := issued()
	to.DeliveredTo = "team:northwind/ledger"
	s := testkit.Given[credential.State](t, to)
	s.When(credential.Deliver{Generation: 1}).Then(&issuancev1.CredentialDelivered{Generation: 1, DeliveredTo: to.DeliveredTo})
	s.When(credential.Deliver{Generation: 1}).Then()
	s.When(credential.GiveUp{Generation: 1, Reason: "refused"}).Then()
	testkit.Given[credential.State](t, issued()).When(credential.Deliver{Generation: 1}).Refused(credential.ErrNotOnItsWay)
	s = testkit.Given[credential.State](t, to)
	s.When(credential.GiveUp{Generation: 1, Reason: "refused"}).Then(&issuancev1.CredentialDeliveryFailed{Generation: 1, DeliveredTo: to.DeliveredTo, Reason: "refused"})
	if len(s.State().Live()) != 0 {
		t.Fatal("a secret nobody holds is live")
	}
	s.When(credential.Deliver{Generation: 1}).Then()
}
