package credential_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	"github.com/chancery-dev/chancery/services/issuance/internal/authorization"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"

	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

var (
	now   = time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)
	later = func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(now.Add(d)) }
	allow = credential.Allowance{
		GrantID: "g", RequestID: "r", ApplicationID: "a", OrganizationID: "o", ProductID: "p", Environment: "sandbox",
		Class: "partner", Scopes: []string{"accounts:read", "accounts:write"}, Until: now.Add(30 * 24 * time.Hour), Owners: 2, Active: true,
	}
	secret = credential.Secret{Hint: "chy_test_abcd", Fingerprint: []byte{1}}
	second = credential.Secret{Hint: "chy_test_efgh", Fingerprint: []byte{2}}
	third  = credential.Secret{Hint: "chy_test_ijkl", Fingerprint: []byte{3}}
)

func issue(change func(*credential.Issue)) credential.Issue {
	c := credential.Issue{Kind: "api_key", Name: "nightly", ExpiresAt: now.Add(24 * time.Hour), Now: now, Allowance: allow, Secret: secret}
	if change != nil {
		change(&c)
	}
	return c
}

func issued() *issuancev1.CredentialIssued {
	return &issuancev1.CredentialIssued{
		Kind: "api_key", Name: "nightly", GrantId: "g", RequestId: "r", ApplicationId: "a", OrganizationId: "o", ProductId: "p",
		Scopes: allow.Scopes, Environment: "sandbox", Class: "partner", Generation: 1, Hint: "chy_test_abcd", Fingerprint: []byte{1},
		ExpiresAt: later(24 * time.Hour), StartsAt: later(0),
	}
}

func rotating() []aggregate.Event {
	return []aggregate.Event{issued(), &issuancev1.CredentialRotationStarted{
		Generation: 2, PreviousGeneration: 1, Hint: "chy_test_efgh", Fingerprint: []byte{2},
		ExpiresAt: later(48 * time.Hour), OverlapEndsAt: later(time.Hour), StartsAt: later(0),
	}}
}

func TestAGrantedApplicationGetsOneCredential(t *testing.T) { // D1
	testkit.Given[credential.State](t).When(issue(nil)).Then(issued()).When(issue(nil)).Refused(credential.ErrAlreadyIssued)
}

func TestIssuingIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*credential.Issue)
		want   error
	}{
		"of an unknown kind": {func(c *credential.Issue) { c.Kind = "password" }, credential.ErrKind},
		"without an expiry":  {func(c *credential.Issue) { c.ExpiresAt = time.Time{} }, credential.ErrNoExpiry}, // D1
		"beyond the class's maximum": {func(c *credential.Issue) {
			c.Allowance.Until = now.Add(9999 * time.Hour)
			c.ExpiresAt = now.Add(91 * 24 * time.Hour)
		}, credential.ErrTooLong}, // D1
		"beyond the grant":               {func(c *credential.Issue) { c.ExpiresAt = allow.Until.Add(time.Second) }, credential.ErrTooLong}, // D15
		"under no grant":                 {func(c *credential.Issue) { c.Allowance.Usable = authorization.ErrNotOpen }, authorization.ErrNotOpen},
		"with one owner":                 {func(c *credential.Issue) { c.Allowance.Owners = 1 }, credential.ErrNoOwner}, // B2
		"for a suspended application":    {func(c *credential.Issue) { c.Allowance.Active = false }, credential.ErrApplicationState},
		"for scopes outside the grant":   {func(c *credential.Issue) { c.Scopes = []string{"payments:write"} }, credential.ErrScopes},
		"for a wildcard instead of many": {func(c *credential.Issue) { c.Scopes = []string{"*"} }, credential.ErrScopes}, // B7
	} {
		t.Run(name, func(t *testing.T) { testkit.Given[credential.State](t).When(issue(c.change)).Refused(c.want) })
	}
}

func TestRotationOverlapsAndTheOldOneRetires(t *testing.T) { // D2
	rotate := credential.Rotate{Now: now, ExpiresAt: now.Add(48 * time.Hour), Overlap: time.Hour, Allowance: allow, Secret: second}
	s := testkit.Given[credential.State](t, issued()).When(rotate).Then(rotating()[1])
	s.When(rotate).Refused(credential.ErrRotating)
	s.When(credential.Retire{Generation: 1, Reason: "unused"}).Then(&issuancev1.CredentialRetired{Generation: 1, Reason: "unused"})
	s.When(credential.Retire{Generation: 1, Reason: "unused"}).Then()
	s.When(credential.Retire{Generation: 2, Reason: "requested"}).Refused(credential.ErrLastGeneration)
	s.When(credential.Retire{Generation: 3}).Refused(credential.ErrNoGeneration)
}

func TestAnEmergencyRotationRetiresTheOldOneInTheSameDecision(t *testing.T) {
	testkit.Given[credential.State](t, issued()).
		When(credential.Rotate{Now: now, ExpiresAt: now.Add(48 * time.Hour), Allowance: allow, Secret: second}).
		Then(&issuancev1.CredentialRotationStarted{
			Generation: 2, PreviousGeneration: 1, Hint: "chy_test_efgh", Fingerprint: []byte{2},
			ExpiresAt: later(48 * time.Hour), OverlapEndsAt: later(0), StartsAt: later(0),
		}, &issuancev1.CredentialRetired{Generation: 1, Reason: "requested"})
}

func TestTheOverlapNeverOutlivesTheOldSecret(t *testing.T) {
	s := testkit.Given[credential.State](t, issued()).
		When(credential.Rotate{Now: now, ExpiresAt: now.Add(48 * time.Hour), Overlap: 7 * 24 * time.Hour, Allowance: allow, Secret: second})
	s.Then(&issuancev1.CredentialRotationStarted{
		Generation: 2, PreviousGeneration: 1, Hint: "chy_test_efgh", Fingerprint: []byte{2},
		ExpiresAt: later(48 * time.Hour), OverlapEndsAt: later(24 * time.Hour), StartsAt: later(0),
	})
}

func TestADeadCredentialNeverReturns(t *testing.T) { // D4, rotating a dead key must fail inside the decision
	revoked := &issuancev1.CredentialRevoked{Reason: "suspected_leak"}
	s := testkit.Given[credential.State](t, issued()).When(credential.Revoke{Reason: "suspected_leak"}).Then(revoked)
	s.When(credential.Revoke{Reason: "suspected_leak"}).Then()
	s.When(credential.Rotate{Now: now, ExpiresAt: now.Add(time.Hour), Allowance: allow, Secret: second}).Refused(credential.ErrDead)
	s.When(credential.Retire{Generation: 1}).Refused(credential.ErrDead)
	s.When(issue(nil)).Refused(credential.ErrDead)
	s.When(credential.Expire{Generation: 1, Now: now.Add(99 * time.Hour)}).Then()
	testkit.Given[credential.State](t, issued()).
		When(credential.Rotate{Now: now.Add(25 * time.Hour), ExpiresAt: now.Add(48 * time.Hour), Allowance: allow, Secret: second}).Refused(credential.ErrDead)
}

func TestExpiryEmitsAFactOnce(t *testing.T) { // trap: expiry emits an event
	s := testkit.Given[credential.State](t, issued())
	s.When(credential.Expire{Generation: 1, Now: now}).Refused(credential.ErrNotDue)
	s.When(credential.Expire{Generation: 1, Now: now.Add(24 * time.Hour)}).Then(&issuancev1.CredentialExpired{ExpiresAt: later(24 * time.Hour)})
	s.When(credential.Expire{Generation: 1, Now: now.Add(24 * time.Hour)}).Then()
}

func TestTheOldSecretRetiresWhenTheOverlapEnds(t *testing.T) { // D2, D4
	s := testkit.Given[credential.State](t, rotating()...)
	ends := s.State().Generations[0].OverlapEndsAt
	s.When(credential.Expire{Generation: 1, Now: ends.Add(-time.Nanosecond)}).Refused(credential.ErrNotDue)
	s.When(credential.Expire{Generation: 1, Now: ends}).Then(&issuancev1.CredentialRetired{Generation: 1, Reason: "overlap_ended"})
	s.When(credential.Expire{Generation: 1, Now: ends}).Then()
}

func TestACredentialExpiresWithItsLastSecret(t *testing.T) {
	s := testkit.Given[credential.State](t, rotating()...)
	ends := s.State().Generations[0].OverlapEndsAt
	s.When(credential.Retire{Generation: 2, Reason: "requested"}).Then(&issuancev1.CredentialRetired{Generation: 2, Reason: "requested"})
	s.When(credential.Expire{Generation: 1, Now: ends}).Then(&issuancev1.CredentialExpired{ExpiresAt: timestamppb.New(ends)})
}

func TestALeakEndsEveryGenerationUpToIt(t *testing.T) {
	s := testkit.Given[credential.State](t, rotating()...)
	s.When(credential.ReportLeak{Generation: 2, FoundAt: "a public repository"}).
		Then(&issuancev1.CredentialLeakReported{Generation: 2, FoundAt: "a public repository"})
	if live := s.State().Live(); len(live) != 0 {
		t.Fatalf("live after the leak: %v", live)
	}
	s.When(credential.ReportLeak{Generation: 1}).Then()
	s.When(credential.Rotate{Now: now, ExpiresAt: now.Add(48 * time.Hour), Overlap: time.Hour, Allowance: allow, Secret: third}).
		Then(&issuancev1.CredentialRotationStarted{
			Generation: 3, Hint: "chy_test_ijkl", Fingerprint: []byte{3}, ExpiresAt: later(48 * time.Hour), OverlapEndsAt: later(0), StartsAt: later(0),
		})
}

func TestAFoldedStateIsNotChangedByWhatFollows(t *testing.T) {
	before := aggregate.Fold(credential.State{}, rotating()...)
	before.Evolve(&issuancev1.CredentialRetired{Generation: 1})
	if len(before.Live()) != 2 {
		t.Fatal("evolving changed the state it started from")
	}
}
