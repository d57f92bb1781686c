package gateway_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/testkit"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/why"
)

// caller is a credential of the mixture, with the secret or token that it shows.
type caller struct{ id, shows string }

// mixture makes a world whose facts change while it is called.
type mixture struct {
	*running
	random  *rand.Rand
	callers []caller
	clients []string
}

func (m *mixture) token(t testing.TB, client string, change func(*accesstoken.Claims)) string {
	signer, err := accesstoken.NewSigner(m.Key, m.Private)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := accesstoken.Claims{
		Issuer: "https://portal.example", Subject: client, ClientID: client, Audience: jwt.Audience{accesstoken.AudienceOf(m.Product)},
		Expires: jwt.NewNumericDate(now.Add(10 * time.Minute)), IssuedAt: jwt.NewNumericDate(now), ID: uuid.NewString(), Scope: "accounts:read",
		Generation: 1, Application: m.Application, Organization: m.Organization, Product: m.Product, Environment: "sandbox", Seen: m.at.Deps.Lineage.Position(),
	}
	if change != nil {
		change(&c)
	}
	token, err := signer.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (m *mixture) more(t testing.TB) {
	id, key := m.Issue("api_key", "accounts:read")
	m.callers = append(m.callers, caller{id, key})
	client, _ := m.Issue("client_secret", "accounts:read", "payments:write")
	m.clients = append(m.clients, client)
	m.applied(t)
	token := m.token(t, client, nil)
	m.callers = append(m.callers, caller{client, token}, caller{client, m.token(t, client, func(c *accesstoken.Claims) { c.Scope = "payments:write" })},
		caller{client, m.token(t, client, func(c *accesstoken.Claims) {
			first := *c
			first.ID, first.KeyID = uuid.NewString(), m.Key
			c.Chain = []accesstoken.Link{first.Link()}
		})})
}

// change appends one fact that moves verdicts.
func (m *mixture) change(t testing.TB) {
	some := m.callers[m.random.IntN(len(m.callers))].id
	switch m.random.IntN(12) {
	case 0:
		m.Append("issuance", "credential", some, &issuancev1.CredentialRevoked{Reason: "policy"})
	case 1:
		m.Append("issuance", "credential", some, &issuancev1.CredentialExpired{})
	case 2:
		m.Append("issuance", "credential", some, &issuancev1.CredentialRetired{Generation: 1})
	case 3:
		m.Append("registry", "application", m.Application, &registryv1.ApplicationSuspended{Reason: "x"})
	case 4, 5:
		m.Append("registry", "application", m.Application, &registryv1.ApplicationResumed{})
	case 6:
		m.Append("approval", "grant", m.Grant, &approvalv1.GrantNarrowed{Scopes: []string{"accounts:read"}, Reason: "x"})
	case 7:
		m.Append("approval", "grant", m.Grant, &approvalv1.GrantRestored{Scopes: []string{"accounts:read", "payments:write"}, Reason: "x"})
	case 8:
		m.Append("registry", "application", m.Application, &registryv1.ApplicationOrphaned{Seat: []string{"owner", "backup_owner"}[m.random.IntN(2)], PersonId: "o"})
	case 9, 10:
		m.Append("registry", "application", m.Application, &registryv1.ApplicationOwnerAssigned{Seat: []string{"owner", "backup_owner"}[m.random.IntN(2)], PersonId: "o2"})
	case 11:
		m.Append("registry", "version", m.Version, &registryv1.VersionDeprecated{SunsetAt: timestamppb.New(time.Now().Add(time.Duration(m.random.IntN(1000)) * time.Hour))})
	}
	if m.random.IntN(4) == 0 {
		m.more(t)
	}
}

// call asks one door about a random call, and gives its decision id and whether it passed.
func (m *mixture) call(t testing.TB) (id string, status int) {
	c := m.callers[m.random.IntN(len(m.callers))]
	header := []string{"Authorization", "Bearer " + c.shows}
	method, target, door := "GET", "/ledger/v1/accounts", "/nginx/sandbox"
	switch m.random.IntN(14) {
	case 0:
		header[1] = "Bearer " + secret.NewKey(secret.Test).Reveal()
	case 1:
		header = nil
	case 2:
		header = append(header, "X-API-Key", c.shows)
	case 3:
		target = "/ledger/v1/nothing/" + uuid.NewString()
	case 4:
		door = "/nginx/production"
	case 5, 6:
		method, target = "POST", "/ledger/v1/payments"
	case 7:
		header = append(header, "X-HTTP-Method-Override", "DELETE")
	case 8:
		target = "/ledger/v1/open"
	case 9:
		header[1] = "Bearer " + m.token(t, m.clients[m.random.IntN(len(m.clients))], func(c *accesstoken.Claims) { c.Expires = jwt.NewNumericDate(time.Now().Add(-time.Minute)) })
	}
	r := get(t, m.at.URL+door, append(header, "X-Original-Method", method, "X-Original-URI", target)...)
	return r.header.Get(decision.Header), r.status
}

// L18
func TestEveryDecisionExplainsItself(t *testing.T) {
	random, seed := testkit.Random(t)
	m := &mixture{running: start(t, map[string]string{"CHANCERY_ISSUER": "https://portal.example"}), random: random}
	for range 10 {
		m.more(t)
	}
	calls := testkit.Size(5_000, 100_000)
	type told struct {
		id     string
		status int
		d      decision.Decision
	}
	var all []told
	seal := decision.NewSeal("", m.keys)
	for i := range calls {
		if i%25 == 0 {
			m.change(t)
			if random.IntN(2) == 0 {
				m.applied(t)
			}
		}
		id, status := m.call(t)
		d, err := seal.Read(id)
		if err != nil {
			t.Fatalf("%q does not resolve", id)
		}
		all = append(all, told{id, status, d})
		if passed := d.Reason == ""; passed != (status == 204) {
			t.Fatalf("an answer of %d says %q", status, d.Reason)
		}
		bad := []byte(id)
		at := random.IntN(len(bad) - 1) // the last character holds bits that mean nothing
		if bad[at]++; bad[at] > 'z' {
			bad[at] = 'A'
		}
		if _, err := seal.Read(string(bad)); err == nil {
			t.Fatalf("%q was changed and taken", id)
		}
	}
	slices.SortStableFunc(all, func(a, b told) int { return int(a.d.Position) - int(b.d.Position) })
	replay := &why.Replay{Follow: m.suite.Log("audit").Follow}
	reasons := map[string]int{}
	for _, c := range all {
		derived, err := replay.Derive(t.Context(), &c.d)
		if err != nil {
			t.Fatal(err)
		}
		if !derived.Agrees {
			t.Fatalf("%+v\nis not what the log says: %+v", c.d, derived)
		}
		reasons[string(c.d.Reason)]++
	}
	provider, stranger := uuid.NewString(), uuid.NewString()
	m.Append("identity", "organization", provider, &identityv1.OrganizationRegistered{Name: "Provider", Kind: "provider"})
	m.Append("identity", "organization", stranger, &identityv1.OrganizationRegistered{Name: "Stranger", Kind: "partner"})
	auditor := m.person(provider, principal.Auditor)
	explained := 0
	for range min(50, calls) {
		c := all[random.IntN(len(all))]
		r := m.asks(t, auditor, "/v1/decisions/"+c.id)
		var e struct {
			Verdict, Reason string
			Derived         struct{ Agrees bool }
			Chain           *struct {
				GrantID     string `json:"grant_id"`
				RequestID   string `json:"request_id"`
				Application string `json:"application_id"`
				Steps       []struct{ Fact string }
			}
		}
		if err := json.Unmarshal([]byte(r.body), &e); err != nil || r.status != 200 || !e.Derived.Agrees || e.Reason != string(c.d.Reason) {
			t.Fatalf("%d %s", r.status, r.body)
		}
		if c.d.Credential != "" {
			if e.Chain == nil || e.Chain.GrantID != m.Grant || e.Chain.RequestID != m.Request || e.Chain.Application != m.Application || len(e.Chain.Steps) < 4 {
				t.Fatalf("no whole chain: %s", r.body)
			}
			explained++
		}
	}
	if len(reasons) < 12 || explained == 0 {
		t.Errorf("the mixture shows too little: %v", reasons)
	}
	// Reach: who has no business with a decision is told that there is none.
	i := slices.IndexFunc(all, func(c told) bool { return c.d.Credential != "" })
	owner := m.person(m.Organization, principal.AppOwner)
	m.Append("registry", "application", m.Application, &registryv1.ApplicationOwnerAssigned{Seat: "owner", PersonId: owner.ID})
	for _, c := range []struct {
		who    principal.Principal
		status int
	}{{owner, 200}, {m.person(m.Organization, principal.OrgAdmin), 200}, {m.person(m.Organization, principal.AppOwner), 404}, {m.person(stranger, principal.OrgAdmin), 404}} {
		if r := m.asks(t, c.who, "/v1/decisions/"+all[i].id); r.status != c.status {
			t.Errorf("%v: %d %s", c.who.Roles, r.status, r.body)
		}
	}
	if r := m.asks(t, auditor, "/v1/decisions/"+all[i].id[:20]+"AAAA"+all[i].id[24:]); r.status != 404 {
		t.Errorf("a changed id: %d %s", r.status, r.body)
	}
	testkit.Proved(t, "l18", "Every decision explains itself", seed, fmt.Sprintf(
		"%d calls of %d credentials and their tokens through an HTTP door while %d facts changed what they might do: every id resolved, every verdict was reached again from the log at its position, one changed character in each was refused, and %d were explained over HTTP with their whole chain. Verdicts: %s.",
		calls, len(m.callers), m.at.Deps.Lineage.Position(), explained, counted(reasons)))
}

func (r *running) person(organization string, roles ...string) principal.Principal {
	id := uuid.NewString()
	at := r.Append("identity", "person", id, &identityv1.PersonProvisioned{OrganizationId: organization, Issuer: "https://idp.example"})
	return principal.Principal{ID: id, Kind: principal.Person, Organization: organization, Roles: roles, Session: uuid.NewString(), SessionSeen: at, Seen: at,
		AMR: []string{"mfa"}, AuthTime: time.Now()}
}

func (r *running) asks(t testing.TB, p principal.Principal, path string) reply {
	t.Helper()
	q, err := http.NewRequest("GET", r.at.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	token := r.suite.Token("gateway", p)
	r.applied(t)
	q.Header.Set("Authorization", "Bearer "+token)
	return send(t, q)
}

func counted(reasons map[string]int) string {
	var out []string
	for r, n := range reasons {
		if r == "" {
			r = "admitted"
		}
		out = append(out, fmt.Sprintf("%s %d", r, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
