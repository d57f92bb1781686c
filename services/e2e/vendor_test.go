package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/testkit"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/issuance/endings"
)

// vendor is an organisation with many credentials, told to the log as the services tell it.
type vendor struct {
	*story
	logs         map[string]*eventlog.Log
	organization string
	last         map[string]uint64          // by aggregate
	below        map[string][]endings.Node  // what ends with an organisation, an application, a grant
	keys         map[string]map[string]bool // the same for keys
}

func (v *vendor) tells(service, kind, id string, fact proto.Message) uint64 {
	v.Helper()
	log := v.logs[service]
	tail := must[uint64](v.story)(log.Tail(v.ctx))
	at, err := log.Append(eventlog.WithMeta(v.ctx, eventlog.Meta{Seen: tail, Organization: v.organization}), log.Subject(kind, id), v.last[kind+id], fact)
	v.good(err)
	v.last[kind+id] = at
	return at
}

// under notes that something ends with each of its ancestors and with itself.
func (v *vendor) under(n endings.Node, ancestors ...string) {
	for _, a := range append(ancestors, n.ID) {
		v.below[a] = append(v.below[a], n)
	}
}

// newVendor has so many credentials below three applications with two grants each.
func newVendor(s *story, random *rand.Rand, credentials int) *vendor {
	s.Helper()
	v := &vendor{story: s, logs: map[string]*eventlog.Log{}, organization: uuid.NewString(), last: map[string]uint64{}, below: map[string][]endings.Node{}, keys: map[string]map[string]bool{}}
	for _, name := range []string{"identity", "registry", "approval", "issuance"} {
		nc, err := s.Suite.Connect(name)
		s.good(err)
		s.Cleanup(nc.Close)
		v.logs[name] = must[*eventlog.Log](s)(eventlog.Open(s.ctx, nc, eventlog.Options{Service: name}))
	}
	until := timestamppb.New(time.Now().Add(time.Hour))
	v.tells("identity", "organization", v.organization, &identityv1.OrganizationRegistered{Name: "Vendor", Kind: "partner", ContractEndsAt: until, OrganizationId: v.organization})
	v.under(endings.Node{Kind: "organization", ID: v.organization})
	type place struct{ application, request, grant string }
	var places []place
	for range 3 {
		application := uuid.NewString()
		v.tells("registry", "application", application, &registryv1.ApplicationRegistered{Name: "Many", OrganizationId: v.organization, Environment: "sandbox", OwnerId: s.Cast.IDs["noor"], BackupOwnerId: s.Cast.IDs["sam"]})
		v.under(endings.Node{Kind: "application", ID: application}, v.organization)
		for range 2 {
			p := place{application, uuid.NewString(), uuid.NewString()}
			v.tells("approval", "request", p.request, &approvalv1.RequestSubmitted{ApplicationId: application, OrganizationId: v.organization, DecideBefore: until,
				Content: &approvalv1.Content{ApplicationId: application, OrganizationId: v.organization, ProductId: whole.product, Scopes: []string{"accounts:read"}, Environment: "sandbox"}})
			v.under(endings.Node{Kind: "request", ID: p.request}, v.organization, application)
			v.tells("approval", "grant", p.grant, &approvalv1.GrantActivated{RequestId: p.request, ApplicationId: application, OrganizationId: v.organization, ProductId: whole.product,
				Scopes: []string{"accounts:read"}, Environment: "sandbox", Class: "partner", Until: until})
			v.under(endings.Node{Kind: "grant", ID: p.grant}, v.organization, application, p.request)
			places = append(places, p)
		}
	}
	log, fingerprints := v.logs["issuance"], s.Suite.Services["issuance"].Deps.Fingerprints
	ctx := eventlog.WithMeta(s.ctx, eventlog.Meta{Seen: must[uint64](s)(log.Tail(s.ctx)), Organization: v.organization})
	var next atomic.Int64
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for next.Add(1) <= int64(credentials) {
				mu.Lock()
				p, sampled := places[random.IntN(len(places))], random.IntN(max(credentials/60, 1)) == 0
				mu.Unlock()
				id, key := uuid.NewString(), secret.NewKey(secret.Test)
				sum := fingerprints.Of(key.Reveal())
				if _, err := log.Append(ctx, log.Subject("credential", id), 0, &issuancev1.CredentialIssued{Kind: "api_key", Name: "one of many", GrantId: p.grant, RequestId: p.request,
					ApplicationId: p.application, OrganizationId: v.organization, ProductId: whole.product, Scopes: []string{"accounts:read"}, Environment: "sandbox", Class: "partner",
					Generation: 1, Hint: key.Hint(), Fingerprint: sum[:], ExpiresAt: until}); err != nil {
					s.Error(err)
					return
				}
				mu.Lock()
				v.under(endings.Node{Kind: "credential", ID: id}, v.organization, p.application, p.request, p.grant)
				v.under(endings.Node{Kind: "generation", ID: id + "/1"}, v.organization, p.application, p.request, p.grant)
				for _, a := range []string{v.organization, p.application, p.grant} {
					if sampled {
						if v.keys[a] == nil {
							v.keys[a] = map[string]bool{}
						}
						v.keys[a][key.Reveal()] = true
					}
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return v
}

// ends tells the one fact and gives how long it took until every sampled key was refused, and how many things ended.
func (v *vendor) ends(service, kind, id string, fact proto.Message, spared map[string]bool) (time.Duration, int) {
	v.Helper()
	began := time.Now()
	at := v.tells(service, kind, id, fact)
	for key := range v.keys[id] {
		for v.verdict(key, accounts) == http.StatusNoContent {
		}
	}
	took := time.Since(began)
	for key := range spared {
		if v.verdict(key, accounts) != http.StatusNoContent {
			v.Errorf("a key beside the %s is refused", kind)
		}
	}
	var raw []byte
	v.good(v.Cast.People["ines"].Get(v.ctx, "issuance", fmt.Sprintf("/v1/endings/%d", at), &raw))
	var list endings.List
	v.good(json.Unmarshal(raw, &list))
	var keys jose.JSONWebKeySet
	v.good(json.Unmarshal([]byte(v.at(v.Suite.Services["issuance"].URL+"/oauth2/jwks", nil, "GET", "issuance", "", nil).text), &keys))
	if signed, err := endings.Verify(list, keys); err != nil || signed.Count != len(v.below[id]) {
		v.Errorf("the list of %d things, of %d: %v", signed.Count, len(v.below[id]), err)
	}
	var got []string
	for _, e := range list.Ended {
		got = append(got, e.Kind+" "+e.ID)
	}
	var want []string
	for _, n := range v.below[id] {
		want = append(want, n.Kind+" "+n.ID)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		v.Errorf("%d listed, %d ended", len(got), len(want))
	}
	return took, len(want)
}

func TestAVendorsCredentialsDieByOneFact(t *testing.T) { // L3, D9
	s := tell(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute) // at full size it is a long story
	defer cancel()
	s.ctx = ctx
	random, seed := testkit.Random(t)
	credentials := testkit.Size(500, 10_000)
	ended, longest := 0, time.Duration(0)
	for round, cause := range []string{"organization", "application", "grant"} {
		v := newVendor(s, random, credentials)
		service, id, fact := "identity", v.organization, proto.Message(&identityv1.OrganizationClosed{Reason: "contract over"})
		if cause != "organization" {
			for a, nodes := range v.below {
				if nodes[0].Kind == cause && nodes[0].ID == a && len(v.keys[a]) > 0 {
					id = a
				}
			}
			service, fact = "registry", &registryv1.ApplicationOffboarded{Reason: "contract over"}
		}
		if cause == "grant" {
			service, fact = "approval", &approvalv1.GrantRevoked{Reason: "contract over"}
		}
		spared := map[string]bool{}
		for key := range v.keys[v.organization] {
			s.eventually("the last keys work", func() bool { return s.verdict(key, accounts) == http.StatusNoContent })
			if !v.keys[id][key] {
				spared[key] = true
			}
		}
		took, n := v.ends(service, cause, id, fact, spared)
		if took > 2*time.Second {
			t.Errorf("round %d: %d things by the end of one %s lived on for %s", round, n, cause, took)
		}
		t.Logf("%d things by the end of one %s: every sampled key refused after %s", n, cause, took)
		ended, longest = ended+n, max(longest, took)
	}
	testkit.Proved(t, "l3-suite", "A vendor's credentials die by one fact (L3)", seed, fmt.Sprintf(
		"Three organisations of %d credentials each on a running suite; one was closed, one lost an application, one a grant: %d things ended. From the one fact to the last sampled key refused by the authorizer %s at most; the signed list of each was complete, and keys beside the cause went on.",
		credentials, ended, longest.Round(time.Millisecond)))
}
