package verdict_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/secret"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
	"github.com/chancery-dev/chancery/services/gateway/internal/worldtest"
)

var now = time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)

type suite struct {
	*worldtest.World
	memory     *worldtest.Memory
	authorizer *verdict.Authorizer
	clock      time.Time
}

func set(t testing.TB) *suite {
	s := &suite{memory: worldtest.NewMemory(t), clock: now}
	fingerprints := secret.NewFingerprints(make([]byte, 32))
	s.authorizer = &verdict.Authorizer{Fold: s.memory.Fold, Fingerprints: fingerprints, Issuer: "https://portal.example",
		Now: func() time.Time { return s.clock }, Patience: time.Millisecond}
	s.World = worldtest.Make(s.memory.Append, fingerprints, now)
	return s
}

func with(key string) verdict.Request {
	return verdict.Request{Method: "GET", Target: "/ledger/v1/accounts", Environment: "sandbox", Authorization: []string{"Bearer " + key}}
}

func (s *suite) ask(r verdict.Request) verdict.Verdict {
	return s.authorizer.Authorize(context.Background(), r)
}

func (s *suite) expect(t testing.TB, r verdict.Request, want verdict.Reason) verdict.Verdict {
	t.Helper()
	v := s.ask(r)
	if v.Reason != want {
		t.Errorf("%s %s: %q, want %q", r.Method, r.Target, v.Reason, want)
	}
	return v
}

func TestACallPassesWithAGoodCredential(t *testing.T) {
	s := set(t)
	id, key := s.Issue("api_key", "accounts:read")
	v := s.expect(t, with(key), "")
	if v.Status() != 204 || v.Credential.ID() != id || v.Credential.Generation != 1 || v.Operation.ID != "listAccounts" ||
		v.Credential.Organization != s.Organization || v.Credential.Application != s.Application || v.Position != s.memory.Lineage.Position() {
		t.Errorf("%+v", v)
	}
	r := with(key)
	r.Authorization, r.APIKey = nil, []string{key}
	s.expect(t, r, "")
	r = with(key)
	r.Authorization[0] = "bearer " + key
	s.expect(t, r, "")
	r = with(key)
	r.Method = "HEAD"
	s.expect(t, r, "")
}

func TestOneCredentialInOnePlace(t *testing.T) {
	s := set(t)
	_, key := s.Issue("api_key", "accounts:read")
	_, secretOfClient := s.Issue("client_secret", "accounts:read")
	bearer := "Bearer " + key
	for name, c := range map[string]struct {
		authorization, key []string
		target             string
		want               verdict.Reason
	}{
		"none":                    {nil, nil, "", verdict.Missing},
		"only in the query":       {nil, nil, "/ledger/v1/accounts?api_key=" + key + "&access_token=" + key, verdict.Missing},
		"two Authorization":       {[]string{bearer, bearer}, nil, "", verdict.Malformed},
		"two keys":                {nil, []string{key, key}, "", verdict.Malformed},
		"both headers":            {[]string{bearer}, []string{key}, "", verdict.Malformed},
		"two in one":              {[]string{bearer + ", " + bearer}, nil, "", verdict.Malformed},
		"basic":                   {[]string{"Basic " + key}, nil, "", verdict.Malformed},
		"no scheme":               {[]string{key}, nil, "", verdict.Malformed},
		"empty":                   {[]string{""}, nil, "", verdict.Malformed},
		"empty bearer":            {[]string{"Bearer "}, nil, "", verdict.Malformed},
		"a token as a key":        {nil, []string{"eyJhbGciOiJFZERTQSJ9.e30.x"}, "", verdict.Unknown},
		"no token":                {[]string{"Bearer eyJhbGciOiJFZERTQSJ9.e30.x"}, nil, "", verdict.Unknown},
		"an unknown key":          {[]string{"Bearer " + secret.NewKey(secret.Test).Reveal()}, nil, "", verdict.Unknown},
		"a wrong checksum":        {[]string{bearer[:len(bearer)-1] + "!"}, nil, "", verdict.Unknown},
		"a client secret":         {[]string{"Bearer " + secretOfClient}, nil, "", verdict.Unknown},
		"a key of another pepper": {[]string{"Bearer " + secret.NewKey(secret.Live).Reveal()}, nil, "", verdict.Unknown},
	} {
		r := with("")
		r.Authorization, r.APIKey = c.authorization, c.key
		if c.target != "" {
			r.Target = c.target
		}
		if v := s.expect(t, r, c.want); v.Status() != 401 {
			t.Errorf("%s: status %d", name, v.Status())
		}
	}
}

// B5, B6, E7
func TestACredentialOpensItsOwnOperationsOnly(t *testing.T) {
	s := set(t)
	s.Publish(uuid.NewString(), uuid.NewString(), "/cards/v1", s.Organization, worldtest.Operations)
	_, key := s.Issue("api_key", "accounts:read")
	for target, want := range map[string]verdict.Reason{
		"GET /ledger/v1/accounts/7":      "",
		"POST /ledger/v1/payments":       verdict.ScopeMissing,
		"GET /cards/v1/accounts":         verdict.ProductMismatch,
		"GET /ledger/v1/nothing":         verdict.NoOperation,
		"DELETE /ledger/v1/accounts/7":   verdict.NoOperation,
		"GET /ledger/v1/open":            verdict.NoOperation, // without a scope nothing is open
		"GET /ledger/v1//accounts":       verdict.NoOperation,
		"GET /ledger/v1/x/../accounts":   verdict.NoOperation,
		"GET /ledger/v1/accounts%2F7":    verdict.NoOperation,
		"GET /ledger/v1/accounts/%2e%2e": verdict.NoOperation,
	} {
		r := with(key)
		r.Method, r.Target, _ = strings.Cut(target, " ")
		v := s.expect(t, r, want)
		if want != "" && v.Status() != 403 {
			t.Errorf("%s: status %d", target, v.Status())
		}
		if want == verdict.ScopeMissing && v.Scope != "payments:write" {
			t.Errorf("missing %q", v.Scope)
		}
	}
	r := with(key)
	r.Overridden = true
	s.expect(t, r, verdict.NoOperation)
	r = with(key)
	r.Environment = "production"
	s.expect(t, r, verdict.EnvironmentMismatch)
}

// D4, D9, L9, L10, G10: whatever ends the credential or what it descends from, the very next call is refused.
func TestEachCauseEndsTheCredential(t *testing.T) {
	facts := func(service, kind string, id func(*suite) string, f ...proto.Message) func(*suite, string) {
		return func(s *suite, _ string) { s.Append(service, kind, id(s), f...) }
	}
	credential := func(f ...proto.Message) func(*suite, string) {
		return func(s *suite, id string) { s.Append("issuance", "credential", id, f...) }
	}
	application := func(s *suite) string { return s.Application }
	organization := func(s *suite) string { return s.Organization }
	grant := func(s *suite) string { return s.Grant }
	for name, c := range map[string]struct {
		happens func(*suite, string)
		want    verdict.Reason
	}{
		"its time":                  {func(s *suite, _ string) { s.clock = now.Add(24 * time.Hour) }, verdict.Expired},
		"its time, recorded":        {credential(&issuancev1.CredentialExpired{}), verdict.Expired},
		"revoked":                   {credential(&issuancev1.CredentialRevoked{Reason: "suspected_leak"}), verdict.Revoked},
		"leaked":                    {credential(&issuancev1.CredentialLeakReported{Generation: 1}), verdict.Retired},
		"retired":                   {credential(&issuancev1.CredentialRetired{Generation: 1}), verdict.Retired},
		"overlap over":              {func(s *suite, id string) { s.Rotate(id, time.Minute); s.clock = now.Add(time.Minute) }, verdict.Expired},
		"emergency rotation":        {func(s *suite, id string) { s.Rotate(id, 0) }, verdict.Expired},
		"grant revoked":             {facts("approval", "grant", grant, &approvalv1.GrantRevoked{}), verdict.GrantEnded},
		"grant over":                {func(s *suite, id string) { s.clock = now.Add(30 * 24 * time.Hour) }, verdict.Expired},
		"request withdrawn":         {facts("approval", "request", func(s *suite) string { return s.Request }, &approvalv1.RequestWithdrawn{}), verdict.GrantEnded},
		"application suspended":     {facts("registry", "application", application, &registryv1.ApplicationSuspended{}), verdict.Suspended},
		"application disabled":      {facts("registry", "application", application, &registryv1.ApplicationDisabled{}), verdict.ApplicationEnded},
		"application enabled again": {facts("registry", "application", application, &registryv1.ApplicationDisabled{}, &registryv1.ApplicationEnabled{}), verdict.ApplicationEnded},
		"application offboarded":    {facts("registry", "application", application, &registryv1.ApplicationOffboarded{}), verdict.ApplicationEnded},
		"organisation suspended":    {facts("identity", "organization", organization, &identityv1.OrganizationSuspended{}), verdict.Suspended},
		"organisation closed":       {facts("identity", "organization", organization, &identityv1.OrganizationClosed{}), verdict.OrganizationEnded},
		"nobody accountable":        {facts("registry", "application", application, &registryv1.ApplicationOrphaned{Seat: "owner"}, &registryv1.ApplicationOrphaned{Seat: "backup_owner"}), verdict.Ownerless},
		"product withdrawn":         {facts("registry", "product", func(s *suite) string { return s.Product }, &registryv1.ProductWithdrawn{}), verdict.ProductWithdrawn},
		"product retired":           {facts("registry", "product", func(s *suite) string { return s.Product }, &registryv1.ProductRetired{}), verdict.ProductWithdrawn},
		"version retired":           {facts("registry", "version", func(s *suite) string { return s.Version }, &registryv1.VersionRetired{}), verdict.NoOperation},
		"not rolled out yet":        {facts("registry", "version", func(s *suite) string { return s.Version }, &registryv1.VersionRolloutSet{OperationId: "listAccounts"}), verdict.NotRolledOut},
		"rolled out by name": {func(s *suite, _ string) {
			s.Append("registry", "version", s.Version, &registryv1.VersionRolloutSet{OperationId: "listAccounts", OrganizationIds: []string{s.Organization}})
		}, ""},
		"another is not rolled out yet":  {facts("registry", "version", func(s *suite) string { return s.Version }, &registryv1.VersionRolloutSet{OperationId: "pay"}), ""},
		"grant narrowed":                 {facts("approval", "grant", grant, &approvalv1.GrantNarrowed{Scopes: []string{"payments:write"}}), verdict.ScopeMissing},
		"a fact nobody here can read":    {facts("registry", "application", application, nil), verdict.Unreadable},
		"one owner left":                 {facts("registry", "application", application, &registryv1.ApplicationOrphaned{Seat: "owner"}), ""},
		"version deprecated":             {facts("registry", "version", func(s *suite) string { return s.Version }, &registryv1.VersionDeprecated{}), ""},
		"application suspended, resumed": {facts("registry", "application", application, &registryv1.ApplicationSuspended{}, &registryv1.ApplicationResumed{}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := set(t)
			id, key := s.Issue("api_key", "accounts:read")
			s.expect(t, with(key), "")
			c.happens(s, id)
			s.expect(t, with(key), c.want)
		})
	}
}

// D2, L10
func TestASuccessorWorksBesideTheOldOne(t *testing.T) {
	s := set(t)
	id, old := s.Issue("api_key", "accounts:read")
	next := s.Rotate(id, time.Hour)
	s.expect(t, with(old), "")
	if v := s.expect(t, with(next), ""); v.Credential.Generation != 2 {
		t.Errorf("generation %d", v.Credential.Generation)
	}
	s.clock = now.Add(time.Hour)
	s.expect(t, with(old), verdict.Expired)
	s.expect(t, with(next), "")
}

func TestAnIssueThatRacedADisableIsDead(t *testing.T) {
	s := set(t)
	before := s.memory.Lineage.Position()
	s.Append("registry", "application", s.Application, &registryv1.ApplicationDisabled{})
	s.Append("registry", "application", s.Application, &registryv1.ApplicationEnabled{})
	s.World.Append = func(service, kind, id string, facts ...proto.Message) uint64 {
		return s.memory.Seeing(before, service, kind, id, facts...)
	}
	_, key := s.Issue("api_key", "accounts:read")
	s.expect(t, with(key), verdict.ApplicationEnded)
}

func BenchmarkAuthorizeAKey(b *testing.B) {
	s := set(b)
	_, key := s.Issue("api_key", "accounts:read")
	r := with(key)
	b.ReportAllocs()
	for b.Loop() {
		if v := s.ask(r); !v.Allowed() {
			b.Fatal(v.Reason)
		}
	}
}
