package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/sethvargo/go-envconfig"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	"github.com/chancery-dev/chancery/libs/testkit"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway"
	"github.com/chancery-dev/chancery/services/issuance"
)

// consumer is one holder of a key that is rotated, who goes over to the new one when it suits it.
type consumer struct {
	id, old, new string
	every        time.Duration
	next         time.Time
	rotated      time.Time
	moves        time.Time
}

// cutover is issuance and an authorizer on one log, with a clock that is moved by hand.
type cutover struct {
	*testing.T
	suite    *servicetest.Suite
	issuance *service.Running
	door     *gateway.Library
	ahead    atomic.Int64
	owner    principal.Principal
	grant    string
	all      []*consumer
	calls    int
	// retiredAt is when which credential's old secret retired unused.
	retiredAt func() map[string]time.Time
}

func newCutover(t *testing.T) *cutover {
	c := &cutover{T: t, grant: uuid.NewString()}
	c.suite = servicetest.New(t, func() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) })
	far := timestamppb.New(time.Now().AddDate(0, 2, 0))
	provider, org, app, request, product, version := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	c.owner = principal.Principal{ID: uuid.NewString(), Kind: principal.Person, Organization: org, Session: uuid.NewString(), Roles: []string{principal.AppOwner}, ACR: "mfa", AMR: []string{"mfa"}}
	c.suite.Append("identity", "organization", provider, &identityv1.OrganizationRegistered{Name: "Provider", Kind: "provider"})
	c.suite.Append("identity", "organization", org, &identityv1.OrganizationRegistered{Name: "Partner", Kind: "partner", ContractEndsAt: far})
	c.suite.Append("identity", "person", c.owner.ID, &identityv1.PersonProvisioned{OrganizationId: org})
	c.suite.Append("registry", "product", product, &registryv1.ProductDrafted{Slug: "s", Name: "Ledger", OrganizationId: provider})
	c.suite.Append("registry", "version", version, &registryv1.VersionSubmitted{ProductId: product, Version: "1.0.0", BasePath: "/ledger",
		Operations: []*registryv1.Operation{{Id: "list", Method: "GET", Path: "/accounts", Scopes: []string{"accounts:read"}}}})
	c.suite.Append("registry", "version", version, &registryv1.VersionPublished{ProductId: product, Version: "1.0.0"})
	c.suite.Append("registry", "product", product, &registryv1.ProductPublished{VersionId: version, Version: "1.0.0"})
	c.suite.Append("registry", "application", app, &registryv1.ApplicationRegistered{Name: "Sync", OrganizationId: org, Environment: "sandbox", OwnerId: c.owner.ID, BackupOwnerId: uuid.NewString()})
	c.suite.Append("approval", "request", request, &approvalv1.RequestSubmitted{ApplicationId: app, OrganizationId: org})
	c.suite.Append("approval", "grant", c.grant, &approvalv1.GrantActivated{RequestId: request, ApplicationId: app, OrganizationId: org, ProductId: product,
		Scopes: []string{"accounts:read"}, Environment: "sandbox", Class: "public", Until: far})
	c.suite.Token("issuance", c.owner)
	config := c.suite.Config("issuance", true)
	config.Lookup = envconfig.MapLookuper(map[string]string{"CHANCERY_ISSUER": "https://portal.example"})
	config.LimitFactor = 100_000
	c.issuance = c.suite.Start("issuance", config, issuance.New)
	keys, err := secret.EnsureKeyFile(config.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	nc := c.suite.Connect("gateway")
	c.door, err = gateway.Open(t.Context(), gateway.Options{Log: c.suite.Log("gateway"), Fingerprints: secret.NewFingerprints(keys.Pepper()), NATS: nc, Clock: c.suite.Clock, Name: "door"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.door.Close(context.Background()) })
	return c
}

// post is a command of the owner's, who has just confirmed who they are.
func (c *cutover) post(path string, body any) map[string]any {
	c.Helper()
	raw, _ := json.Marshal(body)
	r, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.issuance.URL+path, bytes.NewReader(raw))
	if err != nil {
		c.Fatal(err)
	}
	owner := c.owner
	owner.AuthTime = c.suite.Clock()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.suite.Token("issuance", owner))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	answer := map[string]any{}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		c.Fatal(err)
	}
	answer["status"] = response.StatusCode
	return answer
}

// made issues or rotates, and returns once the authorizer knows the new secret.
func (c *cutover) made(path string, body any) (id, key string) {
	c.Helper()
	answer := c.post(path, body)
	if answer["status"] != http.StatusCreated {
		c.Fatalf("%s: %v", path, answer)
	}
	c.until("the authorizer knows", func() bool { return c.door.Position() >= uint64(answer["position"].(float64)) })
	return answer["id"].(string), answer["secret"].(string)
}

func (c *cutover) until(what string, yes func() bool) {
	c.Helper()
	for end := time.Now().Add(patience); !yes(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			c.Fatalf("never: %s", what)
		}
	}
}

func (c *cutover) admits(key string) bool {
	v := c.door.Authorize(c.Context(), gateway.Request{Method: "GET", Target: "/ledger/accounts", Environment: "sandbox", APIKey: []string{key}})
	return v.Allowed()
}

// minute lets every consumer call as often as it does in a minute, then moves the clock on and has uses reported.
func (c *cutover) minute(random *rand.Rand) (failed int) {
	now := c.suite.Clock()
	for _, x := range c.all {
		for ; x.next.Before(now.Add(time.Minute)); x.next = x.next.Add(x.every/2 + time.Duration(random.Int64N(int64(x.every)))) {
			key := x.old
			if x.new != "" && !x.next.Before(x.moves) {
				key = x.new
			}
			c.calls++
			if !c.admits(key) {
				failed++
			}
		}
	}
	c.ahead.Add(int64(time.Minute))
	c.door.Flush(c.Context())
	return failed
}

func TestARotationEndsWhenItIsProvenThatNothingIsLost(t *testing.T) { // L10, D2
	random, seed := testkit.Random(t)
	n := testkit.Size(100, 1000)
	c := newCutover(t)
	for i := range n {
		x := &consumer{every: time.Duration(1+random.IntN(5)) * time.Second}
		if i%10 == 0 { // some call seldom
			x.every = time.Duration(1+random.IntN(20)) * time.Minute
		}
		x.id, x.old = c.made("/v1/credentials", map[string]any{"grant_id": c.grant, "kind": "api_key", "name": fmt.Sprint("key ", i), "expires_in_seconds": 30 * 24 * 3600})
		x.next = c.suite.Clock().Add(time.Duration(random.Int64N(int64(x.every))))
		c.all = append(c.all, x)
	}
	failed := 0
	for range 60 { // their rhythms are learned
		failed += c.minute(random)
	}
	for _, x := range c.all {
		x.rotated = c.suite.Clock()
		_, x.new = c.made("/v1/credentials/"+x.id+"/rotate", map[string]any{"overlap_seconds": 24 * 3600, "quiet_seconds": 1800, "reason": "scheduled"})
		x.moves = x.rotated.Add(time.Duration(random.Int64N(int64(2 * time.Hour))))
	}
	retired, follow := c.retirements()
	defer follow()
	for minutes := 0; retired() < n && minutes < 8*60; minutes++ {
		failed += c.minute(random)
		c.caughtUp()
	}
	lives := c.lives()
	median := lives[len(lives)/2]
	cut := 1 - median.Hours()/24
	if failed > 0 || cut < .8 {
		t.Errorf("%d of %d calls failed; the median old secret lived %v, %.0f %% less than 24 hours", failed, c.calls, median, 100*cut)
	}
	// With issuance gone, nothing that is retired or out of its time comes back.
	left := &consumer{}
	left.id, left.old = c.made("/v1/credentials", map[string]any{"grant_id": c.grant, "kind": "api_key", "name": "never moved", "expires_in_seconds": 30 * 24 * 3600})
	_, left.new = c.made("/v1/credentials/"+left.id+"/rotate", map[string]any{"overlap_seconds": 24 * 3600})
	if err := c.issuance.Stop(); err != nil {
		t.Fatal(err)
	}
	if !c.admits(left.old) {
		t.Error("a secret stopped within its overlap")
	}
	c.ahead.Add(int64(24*time.Hour + time.Second))
	passed := 0
	for _, x := range append(c.all, left) {
		if c.admits(x.old) {
			passed++
		}
		if !c.admits(x.new) {
			t.Fatalf("the new secret of %s does not work", x.id)
		}
	}
	if passed > 0 {
		t.Errorf("%d old secrets passed", passed)
	}
	testkit.Proved(t, "l10", "Rotation that proves its cut-over", seed, fmt.Sprintf(
		"%d keys rotated while their consumers made %d calls and went over to the new one at any time within two hours of a simulated clock: %d calls failed; "+
			"an old secret lived %s in the median, %.0f %% less than a timer of 24 hours; with issuance stopped, %d of %d old secrets passed afterwards.",
		n, c.calls, failed, median.Round(time.Minute), 100*cut, passed, n+1))
}

// caughtUp gives issuance the time to look at what was reported before the clock moves on.
func (c *cutover) caughtUp() {
	tail, err := c.issuance.Deps.Log.ActivityTail(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	c.until("uses are in the views", func() bool {
		var at uint64
		err := c.issuance.Deps.DB.GetContext(c.Context(), &at, `select seq from projection_checkpoints where name='activity'`)
		return err == nil && at >= tail
	})
}

// retirements counts the old secrets that retired unused, by their credential.
func (c *cutover) retirements() (count func() int, stop func()) {
	ctx, cancel := context.WithCancel(c.Context())
	var mu sync.Mutex
	at := map[string]time.Time{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.suite.Log("portal").Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range batch {
				for _, fact := range r.Facts {
					if f, ok := fact.(*issuancev1.CredentialRetired); ok && f.Reason == "unused" {
						at[r.Envelope.GetSubject().GetId()] = r.Envelope.GetRecordedAt().AsTime()
					}
				}
			}
			return nil
		})
	}()
	c.retiredAt = func() map[string]time.Time {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(at)
	}
	return func() int { return len(c.retiredAt()) }, func() { cancel(); <-done }
}

// lives is how long each old secret lived on beside its successor, shortest first; a full day where it did not retire.
func (c *cutover) lives() (all []time.Duration) {
	at := c.retiredAt()
	for _, x := range c.all {
		life := 24 * time.Hour
		if when, ok := at[x.id]; ok {
			life = when.Sub(x.rotated)
			if when.Before(x.moves) {
				c.Errorf("%s lost its old secret before its consumer had moved", x.id)
			}
		}
		all = append(all, life)
	}
	slices.Sort(all)
	return all
}
