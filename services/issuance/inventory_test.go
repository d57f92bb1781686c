package issuance_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// used reports a use of a credential's first secret.
func (s *scene) used(credential string, at time.Time, scopes ...string) {
	s.Helper()
	calls := map[string]uint64{}
	for _, scope := range scopes {
		calls[scope] = 1
	}
	ctx := eventlog.WithMeta(s.Context(), eventlog.Meta{Actor: &eventv1.Actor{Id: credential, Kind: "client"}})
	if err := s.suite.Log("gateway").Observe(ctx, "usage", &activityv1.UsageWindow{
		CredentialId: credential, Generation: 1, Count: 1, CallsByScope: calls, FirstAt: timestamppb.New(at), LastAt: timestamppb.New(at)}); err != nil {
		s.Fatal(err)
	}
}

// fresh is the owner, who has confirmed who they are at the moved clock.
func (s *scene) fresh() { s.owner.AuthTime = s.suite.Clock() }

func TestTheInventoryTellsWhatIsWrongWithEachCredential(t *testing.T) { // D18, D19
	s := newScene(t)
	long := map[string]any{"expires_in_seconds": int64(9 * 24 * 3600)}
	issue := func(name string) string {
		body := map[string]any{"grant_id": s.grant, "kind": "api_key", "name": name}
		for k, v := range long {
			body[k] = v
		}
		s.want(s.issue("api_key", s.grant), 201, "") // waits for the grant
		return s.want(s.call(&s.owner, "POST", "/v1/credentials", body), 201, "").body["id"].(string)
	}
	idle, busy, turned := issue("idle"), issue("busy"), issue("turned")
	s.ahead.Store(int64(5 * 24 * time.Hour))
	s.fresh()
	s.used(busy, s.suite.Clock(), "accounts:read")
	s.used(turned, s.suite.Clock(), "accounts:read", "entries:read")
	s.want(s.call(&s.owner, "POST", "/v1/credentials/"+turned+"/rotate", map[string]any{"overlap_seconds": 3600}), 201, "")
	findings := func(id string) []any {
		for _, item := range s.want(s.call(&s.owner, "GET", "/v1/inventory?days=3", nil), 200, "").body["items"].([]any) {
			if item := item.(map[string]any); item["id"] == id {
				return item["findings"].([]any)
			}
		}
		return nil
	}
	want := map[string][]any{idle: {"unused", "never_rotated"}, busy: {"over_scoped", "never_rotated"}, turned: {}}
	for id, w := range want {
		s.eventually("the inventory says so", func() bool { return slices.Equal(findings(id), w) })
	}
	list := func(query string) (ids []string) {
		for _, item := range s.want(s.call(&s.owner, "GET", "/v1/inventory?days=3"+query, nil), 200, "").body["items"].([]any) {
			ids = append(ids, item.(map[string]any)["id"].(string))
		}
		return ids
	}
	if got := list("&finding=over_scoped"); !slices.Equal(got, []string{busy}) {
		t.Errorf("over-scoped: %v", got)
	}
	if got := s.want(s.call(&s.stranger, "GET", "/v1/inventory", nil), 200, "").body["items"].([]any); len(got) != 0 {
		t.Errorf("a stranger sees %v", got)
	}
	if got := s.want(s.call(&s.stranger, "GET", "/v1/inventory?organization_id="+s.org, nil), 200, "").body["items"].([]any); len(got) != 0 {
		t.Errorf("a stranger who names another organisation sees %v", got)
	}
	total := s.want(s.call(&s.owner, "GET", "/v1/inventory/summary?days=3", nil), 200, "").body["total"].(map[string]any)
	if n := total["findings"].(map[string]any)["over_scoped"]; n != 1.0 || total["live"] != 4.0 {
		t.Errorf("the summary says %v", total)
	}
	s.ahead.Store(int64(8 * 24 * time.Hour))
	s.fresh()
	if got := findings(idle); !slices.Contains(got, any("ageing")) {
		t.Errorf("a day before its end: %v", got)
	}
	s.suite.Append("registry", "application", s.app, &registryv1.ApplicationOrphaned{Seat: "backup_owner"})
	s.eventually("it is orphaned", func() bool { return slices.Contains(findings(idle), any("orphaned")) })
	s.want(s.call(&s.owner, "GET", "/v1/inventory?finding=lonely", nil), 422, "invalid")
}

func TestAStricterClassShortensWhatLives(t *testing.T) { // D21, D1
	s := newScene(t)
	request, grant := id(), id()
	s.suite.Append("approval", "request", request, &approvalv1.RequestSubmitted{ApplicationId: s.app, OrganizationId: s.org})
	s.shown = s.suite.Append("approval", "grant", grant, &approvalv1.GrantActivated{RequestId: request, ApplicationId: s.app, OrganizationId: s.org,
		ProductId: "p1", Scopes: []string{"accounts:read"}, Environment: "sandbox", Class: "partner", Until: in(80 * 24 * time.Hour)})
	s.want(s.issue("api_key", grant), 201, "") // waits for the grant
	day := int64(24 * 3600)
	make := func(days int64) reply {
		return s.call(&s.owner, "POST", "/v1/credentials", map[string]any{"grant_id": grant, "kind": "api_key", "name": "x", "expires_in_seconds": days * day})
	}
	long, short := s.want(make(70), 201, "").body["id"].(string), s.want(make(20), 201, "").body["id"].(string)
	s.suite.Append("registry", "product", "p1", &registryv1.ProductDrafted{Slug: "s", Name: "Ledger", OrganizationId: id()})
	s.shown = s.suite.Append("registry", "product", "p1", &registryv1.ProductClassified{Class: "sensitive", Reason: "it moves money"})
	s.eventually("the long one is shortened", func() bool { return len(recorded[*issuancev1.CredentialNarrowed](s, long)) == 1 })
	narrowed := recorded[*issuancev1.CredentialNarrowed](s, long)[0]
	if left := time.Until(narrowed.ExpiresAt.AsTime()); narrowed.Reason != "policy_changed" || left > 30*24*time.Hour || left < 30*24*time.Hour-time.Hour {
		t.Errorf("%v, %v left", narrowed, left)
	}
	if n := len(recorded[*issuancev1.CredentialNarrowed](s, short)); n != 0 {
		t.Errorf("a secret of twenty days was touched")
	}
	s.want(make(31), 422, "lifetime_too_long")
	s.want(make(29), 201, "")
	s.ahead.Store(int64(30*24*time.Hour + time.Minute))
	if s.running.Deps.Lineage.Live(lineage.Part("generation", long, 1), s.suite.Clock()) == nil {
		t.Error("it lives on as long as it was made for")
	}
	s.eventually("it expires", func() bool { return len(recorded[*issuancev1.CredentialExpired](s, long)) == 1 })
}
