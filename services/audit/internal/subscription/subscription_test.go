package subscription

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
)

var (
	at     = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	create = Create{Name: "payments", Organization: "northwind", ApplicationID: "app", Types: []string{"issuance.credential.revoked"},
		Organizations: []string{"northwind"}, UserKey: "UKEY", Now: at, Expires: at.Add(MaxLife), After: 7}
	created = &auditv1.SubscriptionCreated{Name: "payments", OrganizationId: "northwind", ApplicationId: proto.String("app"),
		Types: []string{"issuance.credential.revoked"}, OrganizationIds: []string{"northwind"}, UserNkey: "UKEY", ExpiresAt: timestamppb.New(at.Add(MaxLife)), After: 7}
	ended = &auditv1.SubscriptionEnded{Reason: "the team is gone"}
)

func given(t *testing.T, facts ...aggregate.Event) *testkit.Story[State] {
	return testkit.Given[State](t, facts...)
}

func TestEveryFactIsEvolved(t *testing.T) {
	testkit.EvolvesAll[State](t, auditv1.File_audit_v1_subscription_proto)
}

func TestASubscriptionIsMadeOnceForNamedTypesAndAnEnd(t *testing.T) { // X9
	given(t).When(create).Then(created).When(create).Refused(ErrMade)
	for want, change := range map[error]func(*Create){
		ErrName:  func(c *Create) { c.Name = "" },
		ErrTypes: func(c *Create) { c.Types = nil },
		ErrMany:  func(c *Create) { c.Organizations = many(401) },
		ErrLife:  func(c *Create) { c.Expires = at.Add(MaxLife + 1) },
		ErrKey:   func(c *Create) { c.UserKey = "" },
	} {
		c := create
		change(&c)
		given(t).When(c).Refused(want)
	}
	twice := create
	twice.Types = []string{"a", "b", "a"}
	given(t).When(twice).Refused(ErrTypes)
	past := create
	past.Expires = at
	given(t).When(past).Refused(ErrLife)
}

func many(n int) (all []string) {
	for i := range n {
		all = append(all, string(rune('a'+i)))
	}
	return all
}

func TestOnlyWhatIsActiveIsReplayed(t *testing.T) {
	given(t).When(Replay{1, 2}).Refused(ErrUnknown)
	given(t, created).When(Replay{3, 5}).Then(&auditv1.SubscriptionReplayed{From: 3, To: 5})
	given(t, created).When(Replay{0, 5}).Refused(ErrRange)
	given(t, created).When(Replay{6, 5}).Refused(ErrRange)
	given(t, created, ended).When(Replay{3, 5}).Refused(ErrEnded)
}

func TestWhatEndedStaysEnded(t *testing.T) {
	given(t).When(End{"x"}).Refused(ErrUnknown)
	given(t, created).When(End{""}).Refused(ErrReason)
	given(t, created).When(End{"the team is gone"}).Then(ended).When(End{"again"}).Then()
	given(t, created, ended).When(create).Refused(ErrMade)
}
