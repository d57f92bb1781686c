package version

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var (
	now        = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	sha        = strings.Repeat("ab", 32)
	operations = []*registryv1.Operation{
		{Id: "list", Method: "GET", Path: "/accounts", Scopes: []string{"accounts:read"}},
		{Id: "pay", Method: "POST", Path: "/payments", Scopes: []string{"payments:write"}},
	}
	scopes = []*registryv1.Scope{{Name: "accounts:read", Risk: "low"}, {Name: "payments:write", Risk: "high"}}
	submit = Submit{Product: Product{ID: "p1", OrganizationID: "contoso", Open: true}, Version: "1.4.0", Title: "Ledger",
		Digest: sha, Operations: operations, Scopes: scopes, BasePath: "/ledger"}

	submitted = &registryv1.VersionSubmitted{ProductId: "p1", OrganizationId: "contoso", Version: "1.4.0", Title: "Ledger",
		ContractDigest: sha, Operations: operations, Scopes: scopes, BasePath: "/ledger"}
	scoped    = &registryv1.VersionGateEvaluated{Gate: OperationsScoped, Passed: true}
	published = &registryv1.VersionPublished{ProductId: "p1", Version: "1.4.0"}
)

func given(t *testing.T, facts ...aggregate.Event) *testkit.Story[State] {
	return testkit.Given[State](t, facts...)
}

func TestEveryFactIsEvolved(t *testing.T) {
	testkit.EvolvesAll[State](t, registryv1.File_registry_v1_version_proto)
}

func TestAVersionIsSubmittedOnceAndNeverChanges(t *testing.T) {
	given(t).When(submit).Then(submitted, scoped).When(submit).Refused(ErrAlreadySubmitted)
}

func TestNothingHappensToAVersionBeforeItIsSubmittedOrAfterItIsRetired(t *testing.T) {
	for _, c := range []aggregate.Command[State]{EvaluateGate{Gate: "x"}, Publish{}, Deprecate{}, SetRollout{}, Retire{}} {
		given(t).When(c).Refused(ErrUnknown)
		given(t, submitted, scoped, &registryv1.VersionRetired{}).When(c).Refused(ErrRetired)
	}
}

// B5, B7
func TestAContractIsExact(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Submit)
		want   error
	}{
		"retired product":    {func(s *Submit) { s.Product.Open = false }, ErrProduct},
		"no version":         {func(s *Submit) { s.Version = "" }, ErrVersion},
		"version with slash": {func(s *Submit) { s.Version = "1/2" }, ErrVersion},
		"no digest":          {func(s *Submit) { s.Digest = "" }, ErrDigest},
		"no operations":      {func(s *Submit) { s.Operations = nil }, ErrNoOperations},
		"no method":          {func(s *Submit) { s.Operations = []*registryv1.Operation{{Path: "/a"}} }, ErrOperation},
		"relative path":      {func(s *Submit) { s.Operations = []*registryv1.Operation{{Method: "GET", Path: "a"}} }, ErrOperation},
		"operation twice":    {func(s *Submit) { s.Operations = append(operations[:2:2], operations[0]) }, ErrOperation},
		"undeclared scope":   {func(s *Submit) { s.Scopes = scopes[:1] }, ErrUndeclaredScope},
		"wildcard scope":     {func(s *Submit) { s.Scopes = []*registryv1.Scope{{Name: "accounts:*", Risk: "low"}} }, ErrScope},
		"blank scope":        {func(s *Submit) { s.Scopes = []*registryv1.Scope{{Name: "a b", Risk: "low"}} }, ErrScope},
		"scope twice":        {func(s *Submit) { s.Scopes = append(scopes[:2:2], scopes[0]) }, ErrScope},
		"no risk":            {func(s *Submit) { s.Scopes = []*registryv1.Scope{{Name: "a"}} }, ErrRisk},
	} {
		t.Run(name, func(t *testing.T) {
			s := submit
			c.change(&s)
			given(t).When(s).Refused(c.want)
		})
	}
}

// B5, B10, B15
func TestAnOperationThatNeedsNoScopeFailsAGateAndBlocksPublishing(t *testing.T) {
	open := []*registryv1.Operation{{Id: "all", Method: "GET", Path: "/all"}}
	c := submit
	c.Operations = open
	want := &registryv1.VersionSubmitted{ProductId: "p1", OrganizationId: "contoso", Version: "1.4.0", Title: "Ledger",
		ContractDigest: sha, Operations: open, Scopes: scopes, BasePath: "/ledger"}
	given(t).When(c).Then(want, &registryv1.VersionGateEvaluated{Gate: OperationsScoped, Finding: "GET /all needs no scope"}).
		When(Publish{}).Refused(ErrGate)
}

// B10, B15
func TestAVersionIsPublishedWhenEveryGatePassedLast(t *testing.T) {
	given(t, submitted).When(Publish{}).Refused(ErrGate)
	s := given(t, submitted, scoped)
	s.When(EvaluateGate{Gate: "threat_model", Finding: "none attached"}).
		Then(&registryv1.VersionGateEvaluated{Gate: "threat_model", Finding: "none attached"})
	s.When(EvaluateGate{Gate: "threat_model"}).Then()
	s.When(EvaluateGate{}).Refused(ErrGateName)
	s.When(Publish{}).Refused(ErrGate)
	s.When(EvaluateGate{Gate: "threat_model", Passed: true}).Then(&registryv1.VersionGateEvaluated{Gate: "threat_model", Passed: true})
	s.When(Publish{}).Then(published)
	s.When(Publish{}).Refused(ErrPublished)
	s.When(EvaluateGate{Gate: "threat_model"}).Refused(ErrPublished)
}

// B24
func TestAVersionEndsNoSoonerThanAnnounced(t *testing.T) {
	sunset := now.Add(Notice)
	given(t, submitted, scoped).When(Deprecate{SunsetAt: sunset, Migration: "use 2.0", Now: now}).Refused(ErrNotPublished)
	s := given(t, submitted, scoped, published)
	s.When(Retire{Now: now}).Refused(ErrNotDue)
	s.When(Deprecate{SunsetAt: sunset.Add(-time.Second), Migration: "use 2.0", Now: now}).Refused(ErrNotice)
	s.When(Deprecate{SunsetAt: sunset, Now: now}).Refused(ErrMigration)
	s.When(Deprecate{SunsetAt: sunset, Migration: "use 2.0", Now: now}).
		Then(&registryv1.VersionDeprecated{SunsetAt: timestamppb.New(sunset), Migration: "use 2.0"})
	s.When(Deprecate{SunsetAt: sunset, Migration: "use 2.0", Now: now}).Refused(ErrDeprecated)
	s.When(Retire{Now: sunset.Add(-time.Second)}).Refused(ErrNotDue)
	s.When(Retire{Reason: "sunset", Now: sunset}).Then(&registryv1.VersionRetired{Reason: "sunset"})
}

func TestAVersionThatWasNeverPublishedIsRetiredAtOnce(t *testing.T) {
	given(t, submitted, scoped).When(Retire{Reason: "mistake", Now: now}).Then(&registryv1.VersionRetired{Reason: "mistake"})
}

// B7
func FuzzAnExactScopeIsOneTokenWithoutAWildcard(f *testing.F) {
	for _, seed := range []string{"accounts:read", "*", "a b", "ä", "", "read:*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if Exact(name) && (strings.ContainsAny(name, "* \t\r\n\"\\") || name == "" || len(strings.Fields(name)) != 1) {
			t.Fatalf("%q passed for one exact scope", name)
		}
	})
}

// B31
func TestAnOperationIsOpenedInStages(t *testing.T) {
	s := given(t, submitted, scoped)
	s.When(SetRollout{OperationID: "pay", Percent: 0, OrganizationIDs: []string{"b", "a"}}).
		Then(&registryv1.VersionRolloutSet{OperationId: "pay", OrganizationIds: []string{"a", "b"}})
	s.When(SetRollout{OperationID: "pay", OrganizationIDs: []string{"a", "b"}}).Then()
	s.When(SetRollout{OperationID: "list", Percent: 100}).Then()
	s.When(SetRollout{OperationID: "nothing", Percent: 5}).Refused(ErrNoSuchOperation)
	s.When(SetRollout{Percent: 5}).Refused(ErrNoSuchOperation)
	s.When(SetRollout{OperationID: "pay", Percent: 101}).Refused(ErrRollout)
	s.When(SetRollout{OperationID: "pay", OrganizationIDs: []string{"a", "a"}}).Refused(ErrRollout)
	s.When(SetRollout{OperationID: "pay", OrganizationIDs: []string{""}}).Refused(ErrRollout)
	s.When(SetRollout{OperationID: "pay", OrganizationIDs: make([]string, 1001)}).Refused(ErrRollout)
	s.When(SetRollout{OperationID: "pay", Percent: 100}).Then(&registryv1.VersionRolloutSet{OperationId: "pay", Percent: 100})
}
